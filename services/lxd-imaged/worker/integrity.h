/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file of an image all there? So that a broken download fails when it is imported and not when it is first used. */
#pragma once

#include <systemd/sd-bus.h>

/* fd: a tar archive, compressed or not, or a squashfs; its offset is moved. Judged by what the format says about its own structure, which costs next to
 * nothing; gzip and lzma say nothing, so these are decompressed to the end. 0, also for a file of no known format; -EINVAL with error set (truncated,
 * damaged, a compression bomb); -EOPNOTSUPP with error set (a compression that cannot be unpacked here); -ENOMEM, -errno of reading. */
int integrity_check(int fd, const char *what, sd_bus_error *error);
