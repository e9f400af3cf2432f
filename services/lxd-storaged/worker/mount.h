/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting pools. */
#pragma once

#include "base/cleanup.h"

/* Divides "noatime,compress=zstd" into flags of mount(2) and what the file system gets to read. *ret_data may become NULL
 * (nothing left). 0, -ENOMEM. */
int mount_options_parse(const char *options, unsigned long *ret_flags, char **ret_data);
/* 1 = something is mounted on path, 0 = it is a plain directory. -ENOENT, -errno. */
int mount_is_point(const char *path);
/* Unmounts everything that is stacked on path. Nothing mounted or missing = 0. -EBUSY: still used. */
int mount_detach(const char *path);
