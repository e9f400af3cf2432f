/* SPDX-License-Identifier: Apache-2.0 */
/* Holders of volumes and their usage. */
#include "guest.h"

#include "bus-error.h"
#include "json-write.h"
#include "layout.h"
#include "pool.h"
#include "shift.h"

/* ---- holders ---- */

static int step_hold(Task *t, sd_bus_error *error) {
        int r;

        if (isempty(t->holder))
                return 0;
        r = db_holder_add(t->manager->db, t->volume.id, t->holder);
        if (r >= 0)
                volume_emit_changed(t, "Holders", NULL);
        return r;
}

static int reply_mounted(Task *t, sd_bus_message *reply) {
        _cleanup_free_ char *pool = NULL, *volume = NULL, *path = NULL;
        _cleanup_strv_free_ Strv idmap = NULL;
        int r;

        r = layout_pool(t->manager->state_dir, t->pool.name, &pool);
        if (r >= 0)
                r = layout_volume(t->volume.type, t->volume.project, t->volume.name, &volume);
        if (r >= 0)
                r = str_format(&path, "%s/%s", pool, volume);
        if (r >= 0)
                r = shift_read(t, &idmap);
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", path);
        if (r >= 0)
                r = sd_bus_message_append_strv(reply, idmap);
        return r < 0 ? r : sd_bus_message_append(reply, "b", config_is_true(&t->volume.config, "security.unmapped"));
}

const TaskKind guest_mount_kind = {
        .name = "mount volume",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_pool_mount, step_hold, NULL },
        .reply = reply_mounted,
};

static int step_let_go(Task *t, sd_bus_error *error) {
        int r;

        r = task_find_volume(t);
        if (r >= 0)
                r = db_holder_remove(t->manager->db, t->volume.id, t->holder);
        if (r >= 0)
                volume_emit_changed(t, "Holders", NULL);
        return r == -ENOENT ? 0 : r;
}

int guest_let_go(Manager *m, const char *holder) {
        return isempty(holder) ? -EINVAL : db_holder_remove_all(m->db, holder);
}

const TaskKind guest_unmount_kind = {
        .name = "unmount volume",
        .steps = (const task_step_t[]) { step_let_go, NULL },
};

/* ---- usage ---- */

static int add_usage_path(Strv *arguments, const char *type, const char *project, const char *name) {
        const char *slash = strchr(name, '/');
        _cleanup_free_ char *path = NULL, *volume = NULL;
        int r;

        volume = strndup(name, slash ? (size_t) (slash - name) : strlen(name));
        if (!volume)
                return -ENOMEM;
        r = slash ? layout_snapshot(type, project, volume, slash + 1, &path) : layout_volume(type, project, volume, &path);
        return r < 0 ? r : argument_add(arguments, "to", path);
}

static int step_usage_run(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        int r = 0;

        if (streq(t->pool.driver, "dir"))
                return 0; /* it does not know; why start a process */
        STRV_FOREACH(name, t->names) {
                r = add_usage_path(&arguments, t->volume.type, t->volume.project, *name);
                if (r < 0)
                        return r;
        }
        return t->names ? task_worker(t, "volume-usage", &t->pool, arguments, NULL, 0, error) : 0;
}

/* Bytes of the i-th name; -ENODATA. */
static int usage_of(const Task *t, size_t i, uint64_t *ret) {
        const char *value;
        char key[40];

        (void) snprintf(key, sizeof(key), "usage.%zu", i);
        value = config_get(&t->results, key);
        return value ? parse_u64(value, ret) : -ENODATA;
}

static int reply_usage(Task *t, sd_bus_message *reply) {
        size_t i = 0;
        uint64_t bytes;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{st}");
        STRV_FOREACH(name, t->names) {
                if (usage_of(t, i++, &bytes) < 0)
                        continue;
                if (r >= 0)
                        r = sd_bus_message_append(reply, "{st}", *name, bytes);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

const TaskKind guest_usage_kind = {
        .name = "read usage of volumes",
        .steps = (const task_step_t[]) { step_pool_load, step_pool_mount, step_usage_run, NULL },
        .reply = reply_usage,
};

static int step_state_names(Task *t, sd_bus_error *error) {
        return strv_extend(&t->names, t->volume.name);
}

static int step_state_document(Task *t, sd_bus_error *error) {
        JsonWriter w = {};
        uint64_t bytes;

        if (usage_of(t, 0, &bytes) < 0)
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "Not supported: storage pool \"%s\" (%s) does not count what each volume uses%s",
                                     t->pool.name, t->pool.driver,
                                     streq(t->pool.driver, "btrfs") ? "; it begins to when a volume gets a size" : "");
        json_document_begin(&w);
        json_object_begin(&w, NULL);
        json_object_begin(&w, "usage");
        json_uint(&w, "used", bytes);
        json_uint(&w, "total", t->volume.quota);
        json_object_end(&w);
        json_object_end(&w);
        t->document = json_document_finish(&w);
        return t->document < 0 ? t->document : 0;
}

const TaskKind volume_state_kind = {
        .name = "read usage of volume",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_pool_mount, step_state_names,
                                         step_usage_run, step_state_document, NULL },
        .reply = task_reply_document,
};
