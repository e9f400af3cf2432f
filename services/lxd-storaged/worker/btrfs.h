/* SPDX-License-Identifier: Apache-2.0 */
/* btrfs by ioctl: subvolumes, snapshots, qgroups. No subprocess. All functions return negative errno. */
#pragma once

#include "base/cleanup.h"

/* The inode of each subvolume's root directory. */
#define BTRFS_SUBVOLUME_INODE 256

/* 1 = the directory is the root of a subvolume, 0 = it is not (or no btrfs). */
int btrfs_is_subvolume(int fd);
/* 1 = fd is on a btrfs. */
int btrfs_is_btrfs(int fd);
/* The id of the subvolume that fd lies in. 0, -errno. */
int btrfs_subvolume_id(int fd, uint64_t *ret);

/* Makes an empty subvolume `name` (one path component) in dir_fd. 0, -EEXIST, -errno. */
int btrfs_subvolume_create(int dir_fd, const char *name);
/* Snapshots the subvolume of source_fd as `name` in dir_fd, with the subvolumes nested in it (which a plain snapshot leaves as
 * empty directories). 0, -EEXIST, -errno; what was made is removed again on failure. */
int btrfs_snapshot(int source_fd, int dir_fd, const char *name, bool readonly);
/* Sets or clears the read-only flag of a subvolume. 0, -errno. */
int btrfs_set_readonly(int fd, bool readonly);
/* Deletes the subvolume `name` in dir_fd, nested ones first, and the qgroups of all. Missing = 0. */
int btrfs_subvolume_delete(int dir_fd, const char *name);
/* True if other subvolumes are nested in that of fd. 0/1, -errno. */
int btrfs_has_nested(int fd);

/* Waits until the running transaction is on the disk: names, flags and limits, not what is in files. 0, -errno. */
int btrfs_commit(int fd);
/* The same, and what was written to files of the whole file system. */
int btrfs_flush(int fd);

/* Turns quota accounting on for the file system of fd, waits until it has counted what is there. Already on = 0. */
int btrfs_quota_enable(int fd);
/* Limits the referenced bytes of the subvolume of fd; 0 removes the limit. -ENOTCONN: quotas are off. */
int btrfs_quota_limit(int fd, uint64_t bytes);
/* Exclusive bytes of the subvolume of fd. 0, -ENOTCONN (quotas are off), -ENODATA (not counted yet). */
int btrfs_quota_usage(int fd, uint64_t *ret);
