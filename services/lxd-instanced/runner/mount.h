/* SPDX-License-Identifier: Apache-2.0 */
/* Detached mounts, and placing things in the guest's mount namespace. The guest_*() functions change the calling process
 * for good: they are for the processes of single requests. */
#pragma once

#include <linux/mount.h>

#include "runner.h"

/* A detached copy of the mount at fd (or at path when fd is negative). fd, -errno. */
int mount_clone(int fd, const char *path, bool recursive);
/* mount_setattr() on a detached mount. 0, -errno. */
int mount_set(int tree, bool recursive, struct mount_attr *attributes);
/* Attaches it on top of the open target. 0, -errno. */
int mount_move(int tree, int target);
/* Enters the guest's mount namespace; its root becomes this process's. 0, -ESRCH, -errno. */
int guest_enter_mounts(const Guest *g);
/* Files made from now on belong to the guest's root. 0, -errno. */
int guest_become_owner(const Guest *g);
/* After guest_enter_mounts(): the place to mount on (O_PATH); missing parts are made. fd, -EINVAL (".." in it), -errno. */
int guest_make_target(const char *path, bool directory);
/* All of it: enters, makes the target, moves the mount there. 0, -errno. */
int mount_into_guest(const Guest *g, int tree, const char *target);
