/* SPDX-License-Identifier: Apache-2.0 */
/* Files of an instance, running or stopped: read, written and deleted by worker processes (lxd-file-worker) that never leave
 * the instance's root, whatever its owner links where. They hold nothing of an instance between two calls. */
#pragma once

#include <sys/types.h>

#include "base/str.h"
#include "guest-worker.h"

extern const GuestWorkersKind guest_files_workers;

/* Where the files are and how ids on it translate. */
typedef struct GuestRoot {
        int root_fd;        /* O_PATH directory: guest_state_open_root() of a running guest, <volume>/rootfs of a stopped one */
        char *const *idmap; /* lxc.idmap lines ("u 0 1000000 65536", "g ..."): running: the guest's; stopped: of the ids on disk
                             * (volatile.last_state.idmap; none when the volume is idmapped at mount time). NULL = none */
} GuestRoot;

/* What Files.Get answers. */
typedef struct GuestFile {
        const char *type; /* "file", "directory" or "symlink" */
        uid_t uid;        /* inside the guest */
        gid_t gid;
        mode_t mode;      /* permission bits */
        uint64_t modified; /* µs since the epoch (X-LXD-modified) */
        int content;      /* the callback's to take: file: open for reading; directory: a Document with the names, sorted;
                           * symlink: memfd with the target */
} GuestFile;

/* file is NULL when r < 0 (then e is set) and for put and delete. */
typedef void (*guest_files_reply_t)(int r, const sd_bus_error *e, GuestFile *file, void *userdata);

/* All, with workers of kind "file": 0 (root_fd and content may be closed as soon as this returned: they are duplicated), or negative errno
 * with error set and no callback.
 * Errors of the answer: NotFound, InvalidArgument (bad path, not a file), AlreadyExists, NotSupported, Failed; text in LXD's words. */
int guest_files_get(GuestWorkers *workers, const GuestRoot *root, const char *path, guest_files_reply_t callback, void *userdata,
                    sd_bus_error *error);

typedef struct GuestFilePut {
        const char *path;
        const char *type;       /* "file" (or ""), "directory", "symlink" */
        int64_t uid, gid, mode; /* -1: 0, 0 and 0644 (directory: 0750) for a new one; an existing one keeps its own, whatever is given */
        const char *write;      /* "overwrite" (or ""), "append" */
        int content;            /* read to EOF; symlink: the target. Negative = empty */
} GuestFilePut;

/* Answers when content hit EOF and all of it is written. */
int guest_files_put(GuestWorkers *workers, const GuestRoot *root, const GuestFilePut *put, guest_files_reply_t callback, void *userdata,
                    sd_bus_error *error);
/* A file, link or empty directory. */
int guest_files_delete(GuestWorkers *workers, const GuestRoot *root, const char *path, guest_files_reply_t callback, void *userdata,
                       sd_bus_error *error);
