/* SPDX-License-Identifier: Apache-2.0 */
/* Files: whole reads and atomic writes, safe opens below a directory, memfds. Needs libc only. */
#pragma once

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* Reads a file of at most `max` bytes into NUL-terminated fresh memory. 0, -EFBIG, -errno. ret_size may be NULL. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_size);
/* The same below a directory fd, or of an open fd (from offset 0, by pread where it can). */
int file_read_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_size);
int fd_read_all(int fd, size_t max, char **ret, size_t *ret_size);
/* Writes all bytes, retrying short writes and EINTR. 0, -errno. */
int fd_write_all(int fd, const void *data, size_t n);
/* Writes path by a temporary file beside it ("path~", so one writer at a time) and rename; data is on disk before the name.
 * 0, -errno. */
int file_write_atomic(const char *path, const void *data, size_t n, mode_t mode);
/* Removes a file that file_write_atomic() made, and what a killed writer left. 1 = it was there, 0, -errno. */
int file_remove(const char *path);
/* mkdir -p. Existing directories are left as they are. 0, -errno. */
int mkdir_parents(const char *path, mode_t mode);
/* Removes what is in a folder, files and empty folders; with a prefix only what has such a name, else also the folder itself. Nothing is
 * gone into, so what is mounted there is safe. Missing = 0. 0, -errno. */
int remove_flat(const char *dir, const char *prefix);
/* Removes a tree below dir_fd without following symlinks or leaving the tree. Missing = 0. 0, -errno. */
int remove_tree_at(int dir_fd, const char *name);
/* openat2() with `resolve` flags (RESOLVE_BENEATH, RESOLVE_IN_ROOT, ...); always O_CLOEXEC. fd, -errno. */
int open_resolve(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve);
/* A sealed memfd with these bytes, offset 0. fd, -errno. */
int memfd_new_sealed(const char *name, const void *data, size_t n);
/* Copies until EOF with copy_file_range/splice/sendfile where possible. 0, -errno; *ret_bytes may be NULL. */
int fd_copy(int from, int to, uint64_t max, uint64_t *ret_bytes);
int fd_set_nonblock(int fd, bool on);
int fd_set_cloexec(int fd, bool on);
