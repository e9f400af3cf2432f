/* SPDX-License-Identifier: Apache-2.0 */
/* Lets this process and its children change files below one directory only. */
#pragma once

/* By landlock; the kernel's rules hold for every way to a file, ".." and links included. Reading and executing stay as they are. 0; -EOPNOTSUPP: this
 * kernel has no landlock (or one before 5.19, which cannot allow hard links between folders), nothing is confined; -errno. */
int confine_writes(int dir_fd);
