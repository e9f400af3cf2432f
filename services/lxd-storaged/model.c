/* SPDX-License-Identifier: Apache-2.0 */
/* Records of pools, volumes and snapshots. */
#include "model.h"

void pool_done(Pool *p) {
        free(p->name);
        free(p->driver);
        free(p->description);
        free(p->uuid);
        config_done(&p->config);
        *p = (Pool) {};
}

void volume_done(Volume *v) {
        free(v->type);
        free(v->project);
        free(v->name);
        free(v->content_type);
        free(v->description);
        free(v->rename_to);
        config_done(&v->config);
        *v = (Volume) {};
}

void snapshot_done(Snapshot *s) {
        free(s->name);
        free(s->description);
        free(s->rename_to);
        config_done(&s->config);
        *s = (Snapshot) {};
}

void pool_list_done(PoolList *l) {
        for (size_t i = 0; i < l->n; i++)
                pool_done(&l->items[i]);
        free(l->items);
        *l = (PoolList) {};
}

void volume_list_done(VolumeList *l) {
        for (size_t i = 0; i < l->n; i++)
                volume_done(&l->items[i]);
        free(l->items);
        *l = (VolumeList) {};
}

void snapshot_list_done(SnapshotList *l) {
        for (size_t i = 0; i < l->n; i++)
                snapshot_done(&l->items[i]);
        free(l->items);
        *l = (SnapshotList) {};
}

bool volume_type_is_valid(const char *type) {
        return streq(type, VOLUME_CONTAINER) || streq(type, VOLUME_CUSTOM) || streq(type, VOLUME_IMAGE) ||
               streq(type, VOLUME_VM);
}
