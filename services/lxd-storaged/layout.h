/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are below /var/lib/lxd: LXD's names, so that its tools and people find them. Pure text, no file access. */
#pragma once

#include "model.h"

/* "containers", "custom", "images", "virtual-machines". NULL for an unknown type. */
const char *layout_kind(const char *type);
/* The name of a volume's directory: an instance of project default and an image by its name, anything else <project>_<name>. 0, -ENOMEM. */
int layout_volume_name(const char *type, const char *project, const char *name, char **ret);
/* Paths below the mount point of the pool. 0, -EINVAL (type), -ENOMEM. */
int layout_volume(const char *type, const char *project, const char *name, char **ret);
/* custom-snapshots/<volume>: the directory of a volume's snapshots. */
int layout_snapshots(const char *type, const char *project, const char *name, char **ret);
int layout_snapshot(const char *type, const char *project, const char *name, const char *snapshot, char **ret);
/* <state_dir>/storage-pools/<pool>. */
int layout_pool(const char *state_dir, const char *pool, char **ret);
/* <state_dir>/disks/<pool>.img. */
int layout_loop_file(const char *state_dir, const char *pool, char **ret);

/* REST URLs ("/1.0/storage-pools/p/volumes/custom/v?project=q"; no project part for default). snapshot may be NULL. 0, -ENOMEM. */
int layout_volume_url(const char *pool, const char *type, const char *project, const char *name, const char *snapshot,
                      char **ret);
int layout_pool_url(const char *pool, char **ret);
/* Who uses a volume of this type by its nature: the instance, its snapshot or the image. Empty *ret = NULL for custom volumes. */
int layout_owner_url(const char *type, const char *project, const char *name, const char *snapshot, char **ret);

/* Size of a new loop file: a fifth of what is free, at least 5 and at most 30 GiB; in GiB. */
uint64_t layout_loop_size_gib(uint64_t free_bytes);
