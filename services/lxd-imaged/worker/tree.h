/* SPDX-License-Identifier: Apache-2.0 */
/* Makes files below one directory and nowhere else, whatever the names and links in an archive say. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

typedef struct Tree {
        int fd;            /* the top; the caller's */
        char *parent_path; /* the folder that was used last, and its descriptor: archives come in order */
        int parent_fd;
} Tree;

void tree_done(Tree *t);

/* The folder in which path is (made with mode 0755 where it is missing) and the last component in *ret_name (points into path). The descriptor belongs to the
 * tree and is good until the next call. fd; -EINVAL with error set when a component is a symbolic link or no folder; -errno with error set. */
int tree_open_parent(Tree *t, const char *path, const char **ret_name, sd_bus_error *error);
/* Opens what is at path, which must not lead through a symbolic link. fd, -ENOENT, -ELOOP, -EXDEV, -errno. */
int tree_open(const Tree *t, const char *path, int flags);

/* New regular file, open for writing, with the permissions of mode as far as the umask lets it (no setuid and the like: see attributes_record()). fd; -EINVAL with error set when there is something of this name; -errno with error set. */
int tree_create_file(Tree *t, const char *path, mode_t mode, sd_bus_error *error);
/* Writes all n bytes at the offset of a file of its own. 0, -errno. */
int tree_write(int fd, const void *data, size_t n, int64_t offset);
/* New folder, or the one that is there already; opened for reading. fd; -EINVAL with error set when something else has the name; -errno with error set. */
int tree_create_directory(Tree *t, const char *path, sd_bus_error *error);
/* 0; errors as above. */
int tree_create_symlink(Tree *t, const char *path, const char *target, sd_bus_error *error);
/* mode: S_IFIFO or S_IFSOCK with the permissions. */
int tree_create_node(Tree *t, const char *path, mode_t mode, sd_bus_error *error);
/* Another name for the file at `existing`, which must be no folder. */
int tree_create_hardlink(Tree *t, const char *path, const char *existing, sd_bus_error *error);

/* Error text for a failed step at a path: full disk, bad name, ... Returns r. */
int tree_error(int r, const char *path, const char *step, sd_bus_error *error);
