/* SPDX-License-Identifier: Apache-2.0 */
/* Shifting the owners of a volume. The worker does it by a plan that survives it (worker/shift.h). */
#include "shift.h"

#include <sys/xattr.h>

#include "base/clock.h"
#include "bus-error.h"
#include "crash.h"
#include "json-write.h"
#include "layout.h"
#include "log.h"
#include "worker/shift.h"

int shift_read(const Task *t, Strv *ret) {
        _cleanup_free_ char *pool = NULL, *volume = NULL, *path = NULL, *text = calloc(1, SHIFT_MARK_MAX + 1);
        ssize_t n;
        int r;

        if (!text)
                return -ENOMEM;
        r = layout_pool(t->manager->state_dir, t->pool.name, &pool);
        if (r >= 0)
                r = layout_volume(t->volume.type, t->volume.project, t->volume.name, &volume);
        if (r >= 0)
                r = str_format(&path, "%s/%s", pool, volume);
        if (r < 0)
                return r;
        n = lgetxattr(path, SHIFT_MARK, text, SHIFT_MARK_MAX);
        if (n < 0 && errno != ENODATA && errno != EOPNOTSUPP)
                return -errno;
        return strv_split(text, "\n", ret);
}

/* Ids of others who have the volume mounted are not changed under them; files-<id> is somebody who pushes or pulls files. */
static int check_holders(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv holders = NULL;
        bool custom = streq(t->volume.type, VOLUME_CUSTOM);
        int r;

        r = db_holder_list(t->manager->db, t->volume.id, &holders);
        STRV_FOREACH(h, holders) {
                if (r < 0 || streq(*h, strempty(t->holder)))
                        continue;
                if (custom)
                        return bus_error_set(error, LXD_ERROR_INVALID,
                                             "Failed shifting storage volume \"%s\" of type \"custom\" on storage pool \"%s\": Idmaps of "
                                             "container and storage volume are not identical; stop the other instances that use the volume "
                                             "first, or give all of them the same ids", t->volume.name, t->pool.name);
                return bus_error_set(error, LXD_ERROR_LOCKED,
                                     "The owners of the files of \"%s\" have to be changed, but a file transfer is using them; try again when it "
                                     "is done", t->volume.name);
        }
        return r;
}

static int step_check(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv now = NULL;
        int r;

        r = shift_read(t, &now);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to read the id map of volume \"%s\"", t->volume.name);
        if (strv_equal(now, t->names) || config_is_true(&t->volume.config, "security.unmapped"))
                t->settled = t->volume.state != ROW_CHANGING;
        if (t->settled)
                return 0;
        if (config_is_true(&t->volume.config, "security.shifted") && strv_length(t->names) > 0)
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "Required idmapping abilities not available: volume \"%s\" has security.shifted, but the file system of "
                                     "storage pool \"%s\" cannot be mounted with mapped ids", t->volume.name, t->pool.name);
        return check_holders(t, error);
}

static int step_run(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *path = NULL, *map = NULL;
        int r;

        r = db_volume_set_state(t->manager->db, t->volume.id, ROW_CHANGING);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record storage volume \"%s\"", t->volume.name);
        t->dirty = true;
        crash_point("volume-shift-marked");
        r = layout_volume(t->volume.type, t->volume.project, t->volume.name, &path);
        if (r >= 0)
                r = strv_join(t->names, "\n", &map);
        if (r >= 0)
                r = argument_add(&arguments, "to", path);
        if (r >= 0)
                r = argument_addf(&arguments, "id", "%" PRIi64, t->volume.id);
        if (r >= 0)
                r = argument_add(&arguments, "idmap", map);
        /* An instance's metadata.yaml and templates are ours, not the guest's. */
        if (r >= 0 && !streq(t->volume.type, VOLUME_CUSTOM))
                r = argument_add(&arguments, "below", "rootfs");
        return r < 0 ? r : task_worker(t, "volume-shift", &t->pool, arguments, NULL, 0, error);
}

/* "u 0 1000000 65536" as LXD's tools know it. */
static int write_line(JsonWriter *w, const char *line) {
        _cleanup_strv_free_ Strv fields = NULL;
        uint64_t inside, outside, range;
        int r;

        r = strv_split(line, " ", &fields);
        if (r < 0)
                return r;
        if (strv_length(fields) != 4 || parse_u64(fields[1], &inside) < 0 || parse_u64(fields[2], &outside) < 0 ||
            parse_u64(fields[3], &range) < 0)
                return -EINVAL;
        json_object_begin(w, NULL);
        json_boolean(w, "Isuid", !streq(fields[0], "g"));
        json_boolean(w, "Isgid", !streq(fields[0], "u"));
        json_uint(w, "Hostid", outside);
        json_uint(w, "Nsid", inside);
        json_uint(w, "Maprange", range);
        json_object_end(w);
        return 0;
}

/* Shown as LXD shows it; what counts is on the volume itself. */
static int record_custom(Task *t) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *json = NULL;
        int r = 0;

        json_array_begin(&w, NULL);
        STRV_FOREACH(line, t->names)
                if (r >= 0)
                        r = write_line(&w, *line);
        json_array_end(&w);
        if (r >= 0)
                r = json_finish_text(&w, &json);
        if (r >= 0)
                r = config_set(&t->volume.config, "volatile.idmap.last", json);
        if (r >= 0)
                r = config_set(&t->volume.config, "volatile.idmap.next", json);
        return r < 0 ? r : db_volume_update(t->manager->db, t->volume.id, t->volume.description, &t->volume.config, t->volume.quota);
}

static int step_commit(Task *t, sd_bus_error *error) {
        bool custom = streq(t->volume.type, VOLUME_CUSTOM);
        LogFields fields = { .pool = t->pool.name, .project = t->volume.project, .volume = custom ? t->volume.name : NULL,
                             .instance = custom ? NULL : t->volume.name, .message_id = LXD_MSG_VOLUME_SHIFTED };
        int r;

        r = custom ? record_custom(t) : db_volume_set_state(t->manager->db, t->volume.id, ROW_CREATED);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record storage volume \"%s\"", t->volume.name);
        log_at(LOG_NOTICE, 0, &fields, "%s the owners of %s files of %s \"%s\" in storage pool \"%s\" (%s).",
               strv_length(t->names) > 0 ? "Shifted" : "Shifted back", config_get_or(&t->results, "changed", "0"),
               custom ? "volume" : "instance", t->volume.name, t->pool.name,
               strv_length(t->names) > 0 ? "its file system cannot be mounted with mapped ids" : "they are mapped by mounts, or not at all");
        return 0;
}

const TaskKind shift_kind = {
        .name = "shift owners of volume",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_load, step_pool_mount, step_check, step_run, step_commit, NULL },
        .undo = volume_settle_steps,
};
