/* SPDX-License-Identifier: Apache-2.0 */
/* What liblxc has done by others in the course of a guest's life: its hooks start-host and post-stop. */
#pragma once

#include <stdint.h>

/* The file in which start-host says why it failed, and the one in which post-stop says how the guest ended (liblxc's LXC_TARGET). */
#define HOOK_REFUSAL_FILE "refusal"
#define HOOK_TARGET_FILE "target"

/* The command line of both hooks. It is ours: liblxc's child runs it in place, where it would exec a shell, and that us. The text lives as long as
 * the process. NULL: no memory. */
const char *hook_command(uint64_t id);
/* The hook of LXC_HOOK_TYPE. The exit status. */
int hook_run(uint64_t id);
