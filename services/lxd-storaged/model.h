/* SPDX-License-Identifier: Apache-2.0 */
/* What the database knows: pools, volumes, snapshots as plain records. */
#pragma once

#include "base/str.h"
#include "keyvalue.h"

typedef enum RowState {
        ROW_PENDING = 0,
        ROW_CREATED = 1,
        ROW_DELETING = 2,
        ROW_CHANGING = 3,
} RowState;

typedef struct Pool {
        int64_t id;
        char *name;
        char *driver;
        char *description;
        char *uuid;
        RowState state;
        Config config;
} Pool;

#define VOLUME_CONTAINER "container"
#define VOLUME_CUSTOM "custom"
#define VOLUME_IMAGE "image"
#define VOLUME_VM "virtual-machine"

typedef struct Volume {
        int64_t id;
        int64_t pool_id;
        char *type;
        char *project;
        char *name;
        char *content_type;
        char *description;
        char *rename_to; /* NULL = is not being renamed */
        uint64_t quota;  /* bytes, 0 = none */
        uint64_t created_at;
        RowState state;
        Config config;
} Volume;

typedef struct Snapshot {
        int64_t id;
        int64_t volume_id;
        char *name;
        char *description;
        char *rename_to;
        uint64_t created_at;
        uint64_t expires_at; /* 0 = never */
        RowState state;
        Config config;
} Snapshot;

typedef struct PoolList {
        Pool *items;
        size_t n;
} PoolList;

typedef struct VolumeList {
        Volume *items;
        size_t n;
} VolumeList;

typedef struct SnapshotList {
        Snapshot *items;
        size_t n;
} SnapshotList;

/* Free the contents and leave the record empty. */
void pool_done(Pool *p);
void volume_done(Volume *v);
void snapshot_done(Snapshot *s);
void pool_list_done(PoolList *l);
void volume_list_done(VolumeList *l);
void snapshot_list_done(SnapshotList *l);

/* "container", "custom", "image", "virtual-machine". */
bool volume_type_is_valid(const char *type);
/* Rows that users see: made, and not on their way out. */
static inline bool row_is_visible(RowState s) {
        return s == ROW_CREATED || s == ROW_CHANGING;
}
