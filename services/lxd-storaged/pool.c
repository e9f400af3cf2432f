/* SPDX-License-Identifier: Apache-2.0 */
/* Storage pools. */
#include "pool.h"

#include <sys/statvfs.h>

#include "base/file.h"
#include "bus-error.h"
#include "document.h"
#include "layout.h"
#include "life-event.h"
#include "log.h"
#include "crash.h"

int pool_check_new(const char *name, const char *driver, sd_bus_error *error) {
        if (isempty(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "No name provided");
        if (strchr(name, '/'))
                return bus_error_set(error, LXD_ERROR_INVALID, "Storage pool names may not contain slashes");
        if (strpbrk(name, " \t\n\r\v\f"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Storage name cannot contain white space");
        if (!object_name_is_valid(name))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Invalid storage pool name \"%s\": 1 to 63 characters, no control characters, not \".\" or \"..\"",
                                     name);
        if (isempty(driver))
                return bus_error_set(error, LXD_ERROR_INVALID, "No driver provided");
        if (!driver_find(driver))
                return bus_error_set(error, LXD_ERROR_INVALID, "Unknown driver");
        return 0;
}

int pool_task_new(Manager *m, const TaskKind *kind, const char *name, bool exclusive, Task **ret) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = task_new(m, kind, &t);
        if (r >= 0)
                r = str_replace(&t->pool_name, name);
        if (r >= 0)
                r = task_lock_pool(t, exclusive, name);
        if (r >= 0)
                *ret = TAKE_PTR(t);
        return r;
}

void pool_emit(Task *t, const char *action) {
        _cleanup_free_ char *url = NULL;

        if (layout_pool_url(t->pool.name, &url) >= 0)
                (void) lifecycle_emit(daemon_operations(t->manager->daemon), action, url, NULL, &t->who,
                                      &(const LogFields) { .project = "default", .pool = t->pool.name, .operation = operation_id(t->operation) });
}

static void pool_emit_changed(Task *t) {
        char *names[] = { (char *) "Config", (char *) "Description", NULL };
        _cleanup_free_ char *path = NULL;

        if (bus_path_encode(&path, PATH_POOL, t->pool.name, NULL) >= 0)
                (void) bus_server_emit_properties_changed(daemon_server(t->manager->daemon), path, INTERFACE_POOL, names);
}

static void pool_emit_object(Task *t, bool added) {
        BusServer *server = daemon_server(t->manager->daemon);
        _cleanup_free_ char *path = NULL;

        if (bus_path_encode(&path, PATH_POOL, t->pool.name, NULL) < 0)
                return;
        (void) (added ? bus_server_emit_object_added(server, path) : bus_server_emit_object_removed(server, path));
}

int task_list(Task *t, int (*write)(Task *t, JsonWriter *w, sd_bus_error *error), sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        int r;

        json_document_begin(&w);
        json_array_begin(&w, NULL);
        r = write(t, &w, error);
        if (r < 0)
                return r;
        json_array_end(&w);
        t->document = json_document_finish(&w);
        return t->document < 0 ? t->document : 0;
}

int task_reply_document(Task *t, sd_bus_message *reply) {
        return sd_bus_message_append(reply, "h", t->document);
}

int task_reply_document_etag(Task *t, sd_bus_message *reply) {
        return sd_bus_message_append(reply, "hs", t->document, strempty(t->etag));
}

/* ---- create ---- */

static int uuid_new(char **ret) {
        int r;

        r = file_read("/proc/sys/kernel/random/uuid", 64, ret, NULL);
        if (r < 0)
                return r;
        (*ret)[strcspn(*ret, "\n")] = '\0';
        return 0;
}

/* Empty values mean "not set", as REST clients send them. */
static int config_drop_empty(Config *c) {
        _cleanup_(config_done) Config full = {};
        int r;

        r = config_merge(&full, c, true);
        if (r < 0)
                return r;
        config_done(c);
        *c = full;
        full = (Config) {};
        return 0;
}

/* The whole pool is worked out here, before anything is touched. */
static int step_create_check(Task *t, sd_bus_error *error) {
        const StorageDriver *d = driver_find(t->pool.driver);
        _cleanup_(pool_done) Pool existing = {};
        struct statvfs fs;
        int r;

        r = db_pool_get(t->manager->db, t->pool.name, &existing);
        if (r >= 0 && !row_is_visible(existing.state)) {
                /* Its undoing failed. Once more, when this task has let go of the lock. */
                (void) manager_recover_pool(t->manager, &existing);
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE,
                                     "An earlier job on storage pool \"%s\" was cut off and is being cleaned up; please try again", t->pool.name);
        }
        if (r >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "The storage pool already exists");
        if (r != -ENOENT)
                return r;
        r = config_drop_empty(&t->pool.config);
        if (r >= 0)
                r = driver_check_pool(d, &t->pool.config, error);
        if (r >= 0 && statvfs(t->manager->state_dir, &fs) < 0)
                r = -errno;
        if (r >= 0)
                r = d->pool_fill(t->manager->state_dir, t->pool.name, (uint64_t) fs.f_bavail * fs.f_frsize,
                                 &t->pool.config, error);
        return r < 0 ? r : uuid_new(&t->pool.uuid);
}

static int step_create_check_host(Task *t, sd_bus_error *error) {
        return task_worker(t, "pool-check", &t->pool, NULL, NULL, 0, error);
}

static int step_create_record(Task *t, sd_bus_error *error) {
        int r;

        t->pool.state = ROW_PENDING;
        r = db_pool_insert(t->manager->db, &t->pool, &t->pool.id);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record storage pool \"%s\"", t->pool.name);
        t->dirty = true;
        crash_point("pool-create-recorded");
        return 0;
}

static int step_create_run(Task *t, sd_bus_error *error) {
        return task_worker(t, "pool-create", &t->pool, NULL, NULL, 0, error);
}

static int step_create_commit(Task *t, sd_bus_error *error) {
        LogFields fields = { .pool = t->pool.name, .message_id = LXD_MSG_POOL_MOUNTED };
        int r;

        crash_point("pool-create-before-commit");
        r = db_pool_set_created(t->manager->db, t->pool.id, &t->pool.config);
        if (r < 0)
                return r;
        log_at(LOG_INFO, 0, &fields, "Created storage pool \"%s\" (%s).", t->pool.name, t->pool.driver);
        pool_emit_object(t, true);
        pool_emit(t, "storage-pool-created");
        return 0;
}

/* ---- remove: also the undo of create and the recovery of both ---- */

static int step_remove_run(Task *t, sd_bus_error *error) {
        return task_worker(t, "pool-delete", &t->pool, NULL, NULL, 0, error);
}

static int step_remove_row(Task *t, sd_bus_error *error) {
        _cleanup_(volume_list_done) VolumeList volumes = {};
        int r;

        /* Only volumes of images can be left; they went with the pool. */
        r = db_volume_list(t->manager->db, t->pool.id, NULL, NULL, &volumes);
        for (size_t i = 0; r >= 0 && i < volumes.n; i++)
                r = db_volume_delete(t->manager->db, volumes.items[i].id);
        if (r >= 0)
                r = db_pool_delete(t->manager->db, t->pool.id);
        return r == -ENOENT ? 0 : r;
}

static int step_recover_note(Task *t, sd_bus_error *error) {
        LogFields fields = { .pool = t->pool.name, .message_id = LXD_MSG_LEFTOVER_REMOVED };

        log_at(LOG_NOTICE, 0, &fields, "Removed storage pool \"%s\", which was not complete.", t->pool.name);
        return 0;
}

static const task_step_t remove_steps[] = { step_remove_run, step_remove_row, NULL };

const TaskKind pool_create_kind = {
        .name = "create storage pool",
        .steps = (const task_step_t[]) { step_create_check, step_create_check_host, step_create_record, step_create_run,
                                         step_create_commit, NULL },
        .undo = remove_steps,
};

const TaskKind pool_recover_kind = {
        .name = "clean up storage pool",
        .steps = (const task_step_t[]) { step_remove_run, step_remove_row, step_recover_note, NULL },
};

static int step_delete_check(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv used = NULL;
        uint64_t n = 0;
        int r;

        r = db_volume_count_used(t->manager->db, t->pool.id, &n);
        if (r >= 0)
                r = task_used_by(t, t->pool.name, &used);
        if (r < 0)
                return r;
        if (n > 0 || (used && used[0]))
                return bus_error_set(error, LXD_ERROR_INVALID, "The storage pool is currently in use");
        return 0;
}

static int step_delete_mark(Task *t, sd_bus_error *error) {
        int r;

        r = db_pool_set_state(t->manager->db, t->pool.id, ROW_DELETING);
        t->dirty = r >= 0;
        crash_point("pool-delete-marked");
        return r;
}

static int step_delete_signal(Task *t, sd_bus_error *error) {
        pool_emit_object(t, false);
        pool_emit(t, "storage-pool-deleted");
        return 0;
}

/* What is marked goes. When the worker fails, by being killed for example, once more at once: else the name would be taken by what nobody sees. */
static const task_step_t delete_undo_steps[] = { step_remove_run, step_remove_row, step_delete_signal, step_forget_failure, NULL };

const TaskKind pool_delete_kind = {
        .name = "delete storage pool",
        .steps = (const task_step_t[]) { step_pool_load, step_references_pool, step_delete_check, step_pool_mount,
                                         step_delete_mark, step_remove_run, step_remove_row, step_delete_signal, NULL },
        .undo = delete_undo_steps,
};

/* ---- update ---- */

static int step_update(Task *t, sd_bus_error *error) {
        const StorageDriver *d = driver_find(t->pool.driver);
        _cleanup_(config_done) Config config = {};
        _cleanup_free_ char *etag = NULL;
        int r;

        r = document_pool_etag(&t->pool, &etag);
        if (r >= 0)
                r = document_check_etag(t->etag, etag, error);
        if (r < 0)
                return r;
        if (!(t->flags & UPDATE_CONFIG) || (t->flags & UPDATE_MERGE))
                r = config_copy(&t->pool.config, &config);
        if (r >= 0 && (t->flags & UPDATE_CONFIG))
                r = config_merge(&config, &t->config, true);
        if (r >= 0)
                r = driver_check_pool(d, &config, error);
        if (r >= 0)
                r = d->pool_check_update(&t->pool, &config, error);
        if (r < 0)
                return r;
        r = db_pool_update(t->manager->db, t->pool.id,
                           t->flags & UPDATE_DESCRIPTION ? t->description : t->pool.description, &config);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record storage pool \"%s\"", t->pool.name);
        pool_emit_changed(t);
        pool_emit(t, "storage-pool-updated");
        return 0;
}

const TaskKind pool_update_kind = {
        .name = "update storage pool",
        .steps = (const task_step_t[]) { step_pool_load, step_update, NULL },
};

/* ---- documents ---- */

static int volume_used_urls(Db *db, const Pool *p, const Volume *v, Strv *urls) {
        _cleanup_(snapshot_list_done) SnapshotList snapshots = {};
        _cleanup_free_ char *url = NULL;
        bool custom = streq(v->type, VOLUME_CUSTOM);
        int r;

        r = custom ? layout_volume_url(p->name, v->type, v->project, v->name, NULL, &url)
                   : layout_owner_url(v->type, v->project, v->name, NULL, &url);
        if (r >= 0)
                r = strv_extend(urls, url);
        if (r >= 0)
                r = db_snapshot_list(db, v->id, &snapshots);
        for (size_t i = 0; r >= 0 && i < snapshots.n; i++) {
                _cleanup_free_ char *s = NULL;

                if (!row_is_visible(snapshots.items[i].state))
                        continue;
                r = custom ? layout_volume_url(p->name, v->type, v->project, v->name, snapshots.items[i].name, &s)
                           : layout_owner_url(v->type, v->project, v->name, snapshots.items[i].name, &s);
                if (r >= 0)
                        r = strv_extend(urls, s);
        }
        return r;
}

static int compare_text(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int strv_sort_unique(Strv v, Strv *ret) {
        Strv unique = NULL;
        int r = 0;

        SORT(v, strv_length(v), compare_text);
        STRV_FOREACH(s, v)
                if (r >= 0 && (s == v || !streq(s[0], s[-1])))
                        r = strv_extend(&unique, *s);
        if (r < 0) {
                strv_free(unique);
                return r;
        }
        *ret = unique;
        return 0;
}

/* What is in the pool and, from lxd-instanced, the profiles that name it. */
static int pool_used_by(Task *t, const Pool *p, Strv *ret) {
        _cleanup_(volume_list_done) VolumeList volumes = {};
        _cleanup_strv_free_ Strv urls = NULL;
        int r;

        r = task_used_by(t, p->name, &urls);
        if (r >= 0)
                r = db_volume_list(t->manager->db, p->id, NULL, NULL, &volumes);
        for (size_t i = 0; r >= 0 && i < volumes.n; i++)
                if (row_is_visible(volumes.items[i].state))
                        r = volume_used_urls(t->manager->db, p, &volumes.items[i], &urls);
        return r < 0 ? r : strv_sort_unique(urls, ret);
}

static int write_pool(Task *t, JsonWriter *w, const Pool *p) {
        _cleanup_strv_free_ Strv used_by = NULL;
        int r;

        r = pool_used_by(t, p, &used_by);
        if (r >= 0)
                document_pool(w, NULL, p, used_by);
        return r;
}

static int step_describe(Task *t, sd_bus_error *error) {
        JsonWriter w = {};
        int r;

        json_document_begin(&w);
        r = write_pool(t, &w, &t->pool);
        if (r < 0) {
                json_done(&w);
                return r;
        }
        t->document = json_document_finish(&w);
        return t->document < 0 ? t->document : document_pool_etag(&t->pool, &t->etag);
}

const TaskKind pool_describe_kind = {
        .name = "describe storage pool",
        .steps = (const task_step_t[]) { step_pool_load, step_references_pool, step_describe, NULL },
        .reply = task_reply_document_etag,
};

static int step_list_references(Task *t, sd_bus_error *error) {
        return t->recursion > 0 ? step_references_pool(t, error) : 0;
}

static int write_pools(Task *t, JsonWriter *w, sd_bus_error *error) {
        _cleanup_(pool_list_done) PoolList pools = {};
        int r;

        r = db_pool_list(t->manager->db, &pools);
        for (size_t i = 0; r >= 0 && i < pools.n; i++) {
                _cleanup_free_ char *url = NULL;

                if (!row_is_visible(pools.items[i].state))
                        continue;
                if (t->recursion > 0)
                        r = write_pool(t, w, &pools.items[i]);
                else {
                        r = layout_pool_url(pools.items[i].name, &url);
                        json_string(w, NULL, url);
                }
        }
        return r;
}

static int step_list(Task *t, sd_bus_error *error) {
        return task_list(t, write_pools, error);
}

const TaskKind pool_list_kind = {
        .name = "list storage pools",
        .steps = (const task_step_t[]) { step_list_references, step_list, NULL },
        .reply = task_reply_document,
};

/* ---- resources ---- */

static int step_resources_run(Task *t, sd_bus_error *error) {
        return task_worker(t, "pool-resources", &t->pool, NULL, NULL, 0, error);
}

static void write_resource(Task *t, JsonWriter *w, const char *what, const char *used_key, const char *total_key) {
        uint64_t used = 0, total = 0;

        (void) parse_u64(config_get_or(&t->results, used_key, "0"), &used);
        (void) parse_u64(config_get_or(&t->results, total_key, "0"), &total);
        json_object_begin(w, what);
        json_uint(w, "used", used);
        json_uint(w, "total", total);
        json_object_end(w);
}

static int step_resources_document(Task *t, sd_bus_error *error) {
        JsonWriter w = {};

        json_document_begin(&w);
        json_object_begin(&w, NULL);
        write_resource(t, &w, "space", "space.used", "space.total");
        write_resource(t, &w, "inodes", "inodes.used", "inodes.total");
        json_object_end(&w);
        t->document = json_document_finish(&w);
        return t->document < 0 ? t->document : 0;
}

const TaskKind pool_resources_kind = {
        .name = "read resources of storage pool",
        .steps = (const task_step_t[]) { step_pool_load, step_pool_mount, step_resources_run, step_resources_document, NULL },
        .reply = task_reply_document,
};
