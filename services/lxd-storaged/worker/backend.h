/* SPDX-License-Identifier: Apache-2.0 */
/* What a storage driver does to the host. Runs in the worker only: straight, synchronous code, one job at a time.
 *
 * Volumes are named by their path below the pool's mount point ("containers/c1", "custom-snapshots/default_v/s0"); pool.fd is that
 * mount point. All callbacks return 0 or a negative errno with `e` set, and are repeatable: a job that was killed is
 * cleaned up by running the deleting callbacks again. */
#pragma once

#include "host-error.h"

typedef struct HostPool {
        const char *name;
        const char *path;          /* mount point: /var/lib/lxd/storage-pools/<name> */
        const char *source;        /* as in the config; "" = ours to choose (pool_create() only) */
        const char *state_dir;     /* /var/lib/lxd */
        const char *mount_options; /* btrfs.mount_options or the default */
        const char *uuid;          /* chosen by the daemon, marks file systems and subvolumes that we made */
        uint64_t size;             /* of a new loop file, bytes */
        int fd;                    /* the mounted pool; -EBADF in pool callbacks */
} HostPool;

typedef struct Backend {
        const char *name;
        /* A copy within the pool is a snapshot: once there, it is on the disk, with all that was done in the pool before. */
        bool snapshots;

        /* Refuses, without changing anything, what pool_create() could not make without touching somebody's data. Once it has
         * passed, whatever is at the places of the pool was made for it. */
        int (*pool_check)(HostPool *p, HostError *e);
        /* Makes the pool, mounted and without the directories of the kinds of volumes. Whatever it made is gone again when it fails. */
        int (*pool_create)(HostPool *p, HostError *e);
        /* Mounts an existing pool at its path. Called with the lock of all mounts held, only when nothing is mounted there. */
        int (*pool_mount)(HostPool *p, HostError *e);
        /* Unmounts and removes what pool_create() made, as far as it is there; only for pools that passed pool_check() once. */
        int (*pool_delete)(HostPool *p, HostError *e);
        /* Is the pool at its path? 1, 0 or -errno. */
        int (*pool_is_mounted)(HostPool *p);

        /* Makes an empty volume; its parent directory exists, itself it does not. */
        int (*volume_create)(HostPool *p, int dir_fd, const char *name, HostError *e);
        /* Copies a volume of any pool. same_pool: from_dir is in this pool too. readonly: the copy may be made read-only at once, where
         * that is cheaper than doing it later. Leaves half a copy on failure (the caller deletes). */
        int (*volume_copy)(HostPool *p, int from_dir, const char *from, bool same_pool, bool readonly, int dir_fd,
                           const char *name, HostError *e);
        /* Removes a volume with all in it. Missing = 0. */
        int (*volume_delete)(HostPool *p, int dir_fd, const char *name, HostError *e);
        /* Makes it read-only (images, snapshots) or writable. NULL = the driver cannot, nothing is done. */
        int (*volume_set_readonly)(HostPool *p, int fd, bool readonly, HostError *e);
        /* Limits what the volume may hold; 0 = no limit. NULL = the driver has no quota, nothing is done. 1 = done, 0 = there was nothing to do. */
        int (*volume_set_quota)(HostPool *p, int fd, uint64_t bytes, HostError *e);
        /* True if a copy of the volume would come about in several steps: there are others within it. NULL = never. */
        bool (*volume_is_nested)(HostPool *p, int dir_fd, const char *name);
        /* Bytes that only this volume uses. -EOPNOTSUPP: unknown. */
        int (*volume_usage)(HostPool *p, int fd, uint64_t *ret);

        /* Waits until the names in dir_fd, and all of the volumes but what is in their files, are on the disk. */
        int (*flush_names)(HostPool *p, int dir_fd, HostError *e);
        /* Waits until files that were written are on the disk, too. */
        int (*flush_files)(HostPool *p, HostError *e);
} Backend;

extern const Backend backend_dir;
extern const Backend backend_btrfs;

/* By name; NULL when there is none. */
const Backend *backend_find(const char *name);

/* The directories of a pool, LXD's names and modes. Ends with a zeroed entry. */
typedef struct KindDirectory {
        const char *name;
        unsigned mode;
} KindDirectory;
extern const KindDirectory kind_directories[];

/* Helpers for pool callbacks. The first checks that `source` is a directory without entries; the text is LXD's. */
int source_check_empty(const char *source, HostError *e);
/* Refuses sources below the state directory other than the pool's own path. */
int source_check_place(const HostPool *p, HostError *e);
/* mkdir of the mount point (0711). Existing and empty is fine. */
int pool_make_mount_point(const HostPool *p, HostError *e);
/* Removes the mount point, which nothing is mounted on, if it is empty. Missing = 0. */
int pool_remove_mount_point(const HostPool *p, HostError *e);
/* Removes the directories of the kinds with what is in them. */
int pool_remove_kinds(const Backend *b, HostPool *p, HostError *e);
