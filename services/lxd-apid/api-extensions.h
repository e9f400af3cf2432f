/* SPDX-License-Identifier: Apache-2.0 */
/* The API extensions this server announces. */
#pragma once

/* In LXD's order; ends with NULL. */
extern const char *const api_extensions[];
