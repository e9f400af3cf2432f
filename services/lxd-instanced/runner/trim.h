/* SPDX-License-Identifier: Apache-2.0 */
/* Giving memory back that was needed only to get going. */
#pragma once

#include <poll.h>

/* poll(); when for the first time nothing happens for a second, unused heap, the part of the stack that is not in use any more, and the mapped pages of
 * code go back to the kernel. Not before: who has just started a guest may be about to start the next. */
int poll_and_trim(struct pollfd *p, nfds_t n, int timeout);
/* From now on, in the processes forked by this one: liblxc's monitor does the same when it waits for events. */
void memory_trim_monitor(void);
