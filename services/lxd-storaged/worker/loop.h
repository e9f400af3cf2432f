/* SPDX-License-Identifier: Apache-2.0 */
/* Loop devices: a file as a block device that goes away with its last user. */
#pragma once

#include "base/cleanup.h"

/* Attaches the file behind file_fd to a free loop device, or finds the one it is attached to. The device detaches itself
 * when the last opener and the mount are gone; *ret_path (caller frees) is its node, the fd keeps it until then. fd, -errno. */
int loop_attach(int file_fd, char **ret_path);
