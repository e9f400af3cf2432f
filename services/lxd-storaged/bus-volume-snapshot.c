/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.storage1.VolumeSnapshot */
#include "bus-error.h"
#include "bus-interfaces.h"
#include "bus-request.h"
#include "layout.h"
#include "snapshot.h"

/* A task on the snapshot that the message is for (labels: pool, type, project, volume, snapshot). */
static int task_for_object(Manager *m, const TaskKind *kind, Task **ret, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        if (!volume_type_is_valid(m->labels[1]))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid storage volume type name");
        r = volume_task_new(m, kind, m->labels[0], m->labels[1], m->labels[2], m->labels[3], &t);
        if (r >= 0)
                r = str_replace(&t->snapshot.name, m->labels[4]);
        if (r >= 0)
                *ret = TAKE_PTR(t);
        return r;
}

static int require_custom(Manager *m, const char *what, sd_bus_error *error) {
        if (streq(m->labels[1], VOLUME_CUSTOM))
                return 0;
        return bus_error_set(error, LXD_ERROR_INVALID,
                             "Snapshots of storage volumes of type \"%s\" cannot be %s with the storage API", m->labels[1], what);
}

static int check_exists(Manager *m, sd_bus_error *error) {
        _cleanup_(snapshot_done) Snapshot s = {};
        _cleanup_(volume_done) Volume v = {};
        int r;

        r = volume_of_object(m, &v, error);
        if (r < 0)
                return r;
        r = db_snapshot_get(m->db, v.id, m->labels[4], &s);
        return r == -ENOENT ? bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage pool volume not found") : r;
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = task_for_object(userdata, &snapshot_describe_kind, &t, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < t->n_locks; i++)
                t->locks[i].exclusive = false;
        return task_submit(TAKE_PTR(t), m);
}

static int submit_operation(sd_bus_message *m, Manager *manager, Task *t, const char *description, sd_bus_error *error) {
        _cleanup_free_ char *url = NULL;
        int r;

        r = layout_volume_url(manager->labels[0], manager->labels[1], manager->labels[2], manager->labels[3],
                              manager->labels[4], &url);
        if (r < 0) {
                task_free(t);
                return r;
        }
        return request_submit_operation(t, m, description, "storage_volume_snapshots", url, error);
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = task_for_object(userdata, &snapshot_update_kind, &t, error);
        if (r >= 0)
                r = request_read_text(m, &t->description);
        if (r >= 0)
                r = sd_bus_message_read(m, "t", &t->expires);
        if (r >= 0)
                r = request_read_text(m, &t->etag);
        if (r >= 0)
                r = request_read_tail(m, UPDATE_DESCRIPTION | UPDATE_EXPIRY | UPDATE_MERGE, t, error);
        return r < 0 ? r : task_submit(TAKE_PTR(t), m);
}

static int method_rename(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = require_custom(userdata, "renamed", error);
        if (r >= 0)
                r = task_for_object(userdata, &snapshot_rename_kind, &t, error);
        if (r >= 0)
                r = request_read_text(m, &t->new_name);
        if (r >= 0)
                r = request_read_tail(m, 0, t, error);
        if (r >= 0)
                r = snapshot_check_name(t->new_name, error);
        if (r >= 0)
                r = check_exists(userdata, error);
        return r < 0 ? r : submit_operation(m, userdata, TAKE_PTR(t), "Renaming storage volume snapshot", error);
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = require_custom(userdata, "deleted", error);
        if (r >= 0)
                r = task_for_object(userdata, &snapshot_delete_kind, &t, error);
        if (r >= 0)
                r = request_read_tail(m, 0, t, error);
        if (r >= 0)
                r = check_exists(userdata, error);
        return r < 0 ? r : submit_operation(m, userdata, TAKE_PTR(t), "Deleting storage volume snapshot", error);
}

const sd_bus_vtable bus_snapshot_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag),
                                method_describe, 0),
        SD_BUS_METHOD_WITH_ARGS("Update",
                                SD_BUS_ARGS("s", description, "t", expires, "s", etag, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_update, 0),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name, "(sss)", requestor, "t", flags),
                                SD_BUS_RESULT("o", operation), method_rename, 0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_RESULT("o", operation),
                                method_delete, 0),
        SD_BUS_VTABLE_END,
};
