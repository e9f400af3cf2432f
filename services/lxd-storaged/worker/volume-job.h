/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs on volumes: each takes effect as a whole, and is on the disk when it returns. */
#pragma once

#include "backend.h"

/* Where a copy comes from and goes to: paths below the mount points of the source pool and of the pool. */
typedef struct VolumePair {
        const char *from;
        const char *to;
        bool readonly;
} VolumePair;

typedef struct VolumeImage {
        const char *format;
        int metadata_fd;
        int rootfs_fd;
} VolumeImage;

/* In all of these `id` is the number of the database row, it makes the temporary names ".new <id>" and ".old <id>" beside the
 * volume (a volume's name has no space). All return 0 or -errno with e set, and leave nothing of a failed job behind. */

/* A new, empty volume with this mode of its root; rootfs: with a directory rootfs/ in it. -EEXIST. */
int volume_create(const Backend *b, HostPool *p, const char *to, const char *id, unsigned mode, bool rootfs,
                  uint64_t quota, HostError *e);
/* A read-only volume with the contents of an image. */
int volume_create_image(const Backend *b, HostPool *p, const char *to, const char *id, const VolumeImage *image,
                        void (*progress)(unsigned percent), HostError *e);
/* Copies volumes in order; quota is set on the last one. source_fd: mount point of the source pool (p->fd for the same pool). Makes the
 * directory above a target when it is missing. mode: of the root of the copies, -1 = that of the source. */
int volume_copy(const Backend *b, HostPool *p, int source_fd, const VolumePair *pairs, size_t n, const char *id,
                uint64_t quota, int mode, HostError *e);
/* Puts a writable copy of `from`, in the pool mounted at source_fd (p->fd for the same one), in place of `to`. */
int volume_restore(const Backend *b, HostPool *p, int source_fd, const char *from, const char *to, const char *id, uint64_t quota,
                   HostError *e);
/* Renames in order; a pair whose `from` is missing has been done before. -EEXIST when both are there. */
int volume_rename(const Backend *b, HostPool *p, const VolumePair *pairs, size_t n, HostError *e);
/* Removes volumes and what jobs of that id left beside them, then the directory `dir` (of snapshots; may be NULL) if it is empty. */
int volume_delete(const Backend *b, HostPool *p, const char *const *paths, size_t n, const char *id, const char *dir,
                  HostError *e);
/* After a job on an existing volume was cut off: removes what it left beside the volume and sets the quota again. */
int volume_settle(const Backend *b, HostPool *p, const char *path, const char *id, uint64_t quota, HostError *e);
/* Brings the owners below `below` (NULL: all) of a volume to an id map, see shift.h. */
int volume_shift(HostPool *p, const char *path, const char *below, const char *id, const char *map, uint64_t *ret_changed, HostError *e);
int volume_set_quota(const Backend *b, HostPool *p, const char *path, uint64_t quota, HostError *e);
/* 0, -EOPNOTSUPP (unknown), -errno. */
int volume_usage(const Backend *b, HostPool *p, const char *path, uint64_t *ret);
