/* SPDX-License-Identifier: Apache-2.0 */
/* What a renderer does: it parses metadata.yaml and templates, with nothing but one socket. */
#pragma once

#include "guest-message.h"

/* Asks through sock: "read" name -> "ok" text; and tells: "write" path, text, create_only, which has no answer, as an error is the end.
 * request: triggers, the instance's facts, config and devices. 0, or -errno with a text. */
int renderer_apply(int sock, const char *metadata, const GuestMessage *request, char **ret_text);
