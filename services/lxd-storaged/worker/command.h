/* SPDX-License-Identifier: Apache-2.0 */
/* Running another program to its end (only on cold paths). */
#pragma once

#include "host-error.h"

/* Runs argv[0] (found in PATH) and waits. A status other than 0 sets e to `step`, the program's name and what it wrote to stderr.
 * 0, -EIO, -errno. */
int command_run(char *const *argv, const char *step, HostError *e);
