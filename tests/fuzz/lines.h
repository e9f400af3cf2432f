/* SPDX-License-Identifier: Apache-2.0 */
/* What the line languages of the corpora have in common. */
#pragma once

/* Makes line breaks of "\n" (two characters), in place. Returns text. */
char *line_unescape(char *text);
