/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers share: reading common arguments, starting tasks with operations. */
#pragma once

#include "task.h"

/* Reads the requestor (sss) and flags t that end the arguments of a method; `known` are its flags. who goes into t. 0, -errno with error. */
int request_read_tail(sd_bus_message *m, uint64_t known, Task *t, sd_bus_error *error);
/* Reads a string into fresh memory. 0, -errno. */
int request_read_text(sd_bus_message *m, char **ret);
/* Starts t as an operation of this description for a volume ("/1.0/..." url as resource of `kind`) and answers m. Frees t on failure. */
int request_submit_operation(Task *t, sd_bus_message *m, const char *description, const char *kind, const char *url,
                             sd_bus_error *error);
