/* SPDX-License-Identifier: Apache-2.0 */
/* Client of the sandboxed unpacker (docs/bus.md, section 5). */
#pragma once

#include "host-error.h"

/* Has an image unpacked into the directory target_fd. format as lxd-imaged gave it. Blocks until it is done; progress gets percents.
 * 0, -errno with the unpacker's own error in e. */
int unpack_image(const char *format, int metadata_fd, int rootfs_fd, int target_fd, void (*progress)(unsigned percent),
                 HostError *e);
