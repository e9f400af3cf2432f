/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of volumes. */
#include "volume-list.h"

#include "bus-error.h"
#include "document.h"
#include "layout.h"
#include "pool.h"

/* URLs of those who use a volume or a snapshot of it. */
static int volume_users(Task *t, const Volume *v, const char *snapshot, Strv *ret) {
        _cleanup_free_ char *key = NULL, *url = NULL;
        int r;

        if (!streq(v->type, VOLUME_CUSTOM)) {
                r = layout_owner_url(v->type, v->project, v->name, snapshot, &url);
                return r < 0 ? r : strv_extend(ret, url);
        }
        if (snapshot)
                return 0;
        r = str_format(&key, "%s/%s/%s", t->pool.name, v->project, v->name);
        return r < 0 ? r : task_used_by(t, key, ret);
}

static int step_describe(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv used_by = NULL;
        JsonWriter w = {};
        int r;

        r = volume_users(t, &t->volume, NULL, &used_by);
        if (r < 0)
                return r;
        json_document_begin(&w);
        document_volume(&w, NULL, &t->volume, NULL, used_by);
        t->document = json_document_finish(&w);
        return t->document < 0 ? t->document : document_volume_etag(&t->volume, &t->etag);
}

static int step_describe_references(Task *t, sd_bus_error *error) {
        return streq(t->volume.type, VOLUME_CUSTOM) ? step_references_volume(t, error) : 0;
}

const TaskKind volume_describe_kind = {
        .name = "describe storage volume",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_describe_references, step_describe, NULL },
        .reply = task_reply_document_etag,
};

typedef struct ListItem {
        const Volume *volume;
        const Snapshot *snapshot; /* NULL = the volume itself */
        const char *pool;
} ListItem;

static const char *item_value(const char *field, char *buffer, size_t size, void *userdata) {
        const ListItem *i = userdata;
        const char *key = startswith(field, "config.");

        if (key)
                return config_get(i->snapshot ? &i->snapshot->config : &i->volume->config, key);
        if (streq(field, "name")) {
                (void) snprintf(buffer, size, "%s%s%s", i->volume->name, i->snapshot ? "/" : "",
                                i->snapshot ? i->snapshot->name : "");
                return buffer;
        }
        if (streq(field, "description"))
                return i->snapshot ? i->snapshot->description : i->volume->description;
        if (streq(field, "type"))
                return i->volume->type;
        if (streq(field, "content_type"))
                return i->volume->content_type;
        if (streq(field, "project"))
                return i->volume->project;
        if (streq(field, "location"))
                return "none";
        return streq(field, "pool") ? i->pool : NULL;
}

static int write_item(Task *t, JsonWriter *w, const Filter *filter, const Volume *v, const Snapshot *s) {
        ListItem item = { v, s, t->pool.name };
        _cleanup_strv_free_ Strv used_by = NULL;
        _cleanup_free_ char *url = NULL;
        int r;

        if (!filter_match(filter, item_value, &item))
                return 0;
        if (t->recursion == 0) {
                r = layout_volume_url(t->pool.name, v->type, v->project, v->name, s ? s->name : NULL, &url);
                json_string(w, NULL, url);
                return r;
        }
        r = volume_users(t, v, s ? s->name : NULL, &used_by);
        if (r >= 0)
                document_volume(w, NULL, v, s, used_by);
        return r;
}

static int write_volume(Task *t, JsonWriter *w, const Filter *filter, const Volume *v) {
        _cleanup_(snapshot_list_done) SnapshotList snapshots = {};
        int r;

        if (!row_is_visible(v->state))
                return 0;
        r = write_item(t, w, filter, v, NULL);
        if (r >= 0 && !streq(v->type, VOLUME_IMAGE))
                r = db_snapshot_list(t->manager->db, v->id, &snapshots);
        for (size_t i = 0; r >= 0 && i < snapshots.n; i++)
                if (row_is_visible(snapshots.items[i].state))
                        r = write_item(t, w, filter, v, &snapshots.items[i]);
        return r;
}

static int write_volumes(Task *t, JsonWriter *w, sd_bus_error *error) {
        _cleanup_(volume_list_done) VolumeList volumes = {};
        _cleanup_(filter_freep) Filter *filter = NULL;
        int r;

        r = filter_parse(strempty(t->description), &filter, error);
        if (r >= 0)
                r = db_volume_list(t->manager->db, t->pool.id, t->volume.type, t->volume.project, &volumes);
        for (size_t i = 0; r >= 0 && i < volumes.n; i++)
                r = write_volume(t, w, filter, &volumes.items[i]);
        return r;
}

static int step_list_references(Task *t, sd_bus_error *error) {
        return t->recursion > 0 ? step_references_volume(t, error) : 0;
}

static int step_list(Task *t, sd_bus_error *error) {
        return task_list(t, write_volumes, error);
}

const TaskKind volume_list_kind = {
        .name = "list storage volumes",
        .steps = (const task_step_t[]) { step_pool_load, step_list_references, step_list, NULL },
        .reply = task_reply_document,
};
