/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan wants done on the host before the guest starts, and what may take as long as it likes there: a file server that does not answer, a module. */
#pragma once

#include "guest-call.h"

/* Is the option one of these: "modules" (a list), "bind PATH" and "rbind PATH" (of a disk: the value is its source)? */
bool host_has(const char *option);
/* Does it in a process of its own, waiting with wait(): 0; -EIO with a text; what wait() said, and then nobody waits for the process. -errno. */
int host_do(const char *option, const char *value, guest_wait_t wait, void *userdata, char **ret_text);
