/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the processes that the daemon talks to in guest messages: lxd-file-worker and lxd-template-worker. */
#pragma once

#include <sys/types.h>

#include "guest-message.h"

/* Starts lxd-<name> with one end of a socket as fd 3; the other, which does not block, is the caller's. first, which may be NULL,
 * is in the socket before the process runs. The caller collects the process. 0, -errno. */
int guest_worker_start(const char *name, const GuestMessage *first, int *ret_fd, pid_t *ret_pid);
