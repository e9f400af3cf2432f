/* SPDX-License-Identifier: Apache-2.0 */
/* The process that parses metadata.yaml and templates, with nothing but one socket. */
#pragma once

#include "guest-message.h"

/* Never returns to its caller's work: gives up all privilege, then asks through sock: "read" name -> text, "write" path, text,
 * create_only -> ok; ends with "ok" or "error" text. request: triggers, the instance's facts, config and devices. Exit status. */
int renderer_run(int sock, const char *metadata, const GuestMessage *request);
/* The same without the confinement, for tests and the fuzzer. 0, or -errno with a text. */
int renderer_apply(int sock, const char *metadata, const GuestMessage *request, char **ret_text);
