/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.storage1.Volume */
#include "bus-error.h"
#include "bus-interfaces.h"
#include "bus-request.h"
#include "copy.h"
#include "guest.h"
#include "layout.h"
#include "move.h"
#include "snapshot.h"
#include "volume-list.h"

/* A task on the volume that the message is for (labels: pool, type, project, name). */
static int task_for_object(Manager *m, const TaskKind *kind, Task **ret, sd_bus_error *error) {
        if (!volume_type_is_valid(m->labels[1]))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid storage volume type name");
        return volume_task_new(m, kind, m->labels[0], m->labels[1], m->labels[2], m->labels[3], ret);
}

/* Instances are changed by way of lxd-instanced, images by lxd-imaged. */
static int require_custom(Manager *m, const char *what, sd_bus_error *error) {
        if (streq(m->labels[1], VOLUME_CUSTOM))
                return 0;
        return bus_error_set(error, LXD_ERROR_INVALID, "Storage volumes of type \"%s\" cannot be %s with the storage API",
                             m->labels[1], what);
}

static int property_get_volume(sd_bus *bus, const char *path, const char *interface, const char *property,
                               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_(pool_done) Pool p = {};
        Manager *m = userdata;
        int r;

        r = db_pool_get(m->db, m->labels[0], &p);
        if (r >= 0)
                r = db_volume_get(m->db, p.id, m->labels[1], m->labels[2], m->labels[3], &v);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage pool volume not found");
        if (streq(property, "Config"))
                return bus_append_config(reply, &v.config);
        if (streq(property, "CreatedAt"))
                return sd_bus_message_append(reply, "t", v.created_at);
        return sd_bus_message_append(reply, "s", strempty(v.description));
}

static int property_get_holders(sd_bus *bus, const char *path, const char *interface, const char *property,
                                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        _cleanup_strv_free_ Strv holders = NULL;
        _cleanup_(volume_done) Volume v = {};
        _cleanup_(pool_done) Pool p = {};
        Manager *m = userdata;
        int r;

        r = db_pool_get(m->db, m->labels[0], &p);
        if (r >= 0)
                r = db_volume_get(m->db, p.id, m->labels[1], m->labels[2], m->labels[3], &v);
        if (r >= 0)
                r = db_holder_list(m->db, v.id, &holders);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage pool volume not found");
        return bus_append_strv(reply, holders);
}

/* Reads take the volume's lock only where they look at the host. */
static int submit_read(sd_bus_message *m, Manager *manager, const TaskKind *kind, uint32_t recursion,
                       sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = task_for_object(manager, kind, &t, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < t->n_locks; i++)
                t->locks[i].exclusive = false;
        t->recursion = recursion;
        t->tolerant = true;
        return task_submit(TAKE_PTR(t), m);
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return submit_read(m, userdata, &volume_describe_kind, 0, error);
}

static int method_describe_state(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return submit_read(m, userdata, &volume_state_kind, 0, error);
}

static int method_list_snapshots(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint32_t recursion;
        int r;

        r = sd_bus_message_read(m, "u", &recursion);
        return r < 0 ? r : submit_read(m, userdata, &snapshot_list_kind, recursion, error);
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = task_for_object(userdata, &volume_update_kind, &t, error);
        if (r >= 0)
                r = request_read_text(m, &t->description);
        if (r >= 0)
                r = bus_read_config(m, &t->config);
        if (r >= 0)
                r = request_read_text(m, &t->etag);
        if (r >= 0)
                r = request_read_tail(m, UPDATE_MERGE | UPDATE_CONFIG | UPDATE_DESCRIPTION, t, error);
        return r < 0 ? r : task_submit(TAKE_PTR(t), m);
}

static int method_rename(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        Manager *manager = userdata;
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = require_custom(manager, "renamed", error);
        if (r >= 0)
                r = volume_check_name(name, error);
        if (r >= 0)
                r = task_for_object(manager, &volume_rename_kind, &t, error);
        if (r >= 0)
                r = str_replace(&t->new_name, name);
        if (r >= 0 && !streq(name, manager->labels[3]))
                r = task_lock_volume(t, true, manager->labels[0], manager->labels[1], manager->labels[2], name);
        if (r >= 0)
                r = request_read_tail(m, 0, t, error);
        return r < 0 ? r : task_submit(TAKE_PTR(t), m);
}

static int check_new_snapshot(Manager *m, const char *snapshot, sd_bus_error *error) {
        _cleanup_(snapshot_done) Snapshot s = {};
        _cleanup_(volume_done) Volume v = {};
        int r;

        r = volume_of_object(m, &v, error);
        if (r < 0 || !snapshot[0])
                return r;
        r = db_snapshot_get(m->db, v.id, snapshot, &s);
        if (r >= 0 && row_is_visible(s.state)) /* else the task finds out, when what is going on has ended */
                return bus_error_set(error, LXD_ERROR_EXISTS, "Snapshot \"%s\" already in use", snapshot);
        return r == -ENOENT || r >= 0 ? snapshot_check_name(snapshot, error) : r;
}

static int check_move(Manager *m, const char *pool, const char *name, sd_bus_error *error) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_(pool_done) Pool p = {};
        int r;

        r = volume_of_object(m, &v, error);
        if (r < 0)
                return r;
        if (streq(pool, m->labels[0]))
                return bus_error_set(error, LXD_ERROR_INVALID, "Volume \"%s\" is in storage pool \"%s\" already; rename it", m->labels[3], pool);
        r = db_pool_get(m->db, pool, &p);
        if (r == -ENOENT || (r >= 0 && !row_is_visible(p.state)))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage pool not found");
        return r < 0 ? r : volume_check_free(m, &p, m->labels[1], m->labels[2], name, error);
}

static int method_move(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        Manager *manager = userdata;
        const char *pool, *name;
        int r;

        r = sd_bus_message_read(m, "ss", &pool, &name);
        if (r >= 0)
                r = require_custom(manager, "moved", error);
        if (r >= 0)
                r = volume_check_name(name, error);
        if (r >= 0)
                r = check_move(manager, pool, name, error);
        if (r >= 0)
                r = volume_task_new(manager, &volume_move_kind, pool, manager->labels[1], manager->labels[2], name, &t);
        if (r >= 0)
                r = copy_set_source(t, manager->labels[0], manager->labels[1], manager->labels[2], manager->labels[3]);
        if (r >= 0)
                r = request_read_tail(m, 0, t, error);
        if (r < 0)
                return r;
        t->locks[t->n_locks - 1].exclusive = true; /* of the source, which goes */
        t->with_snapshots = true;
        return request_submit_operation(TAKE_PTR(t), m, "Moving storage volume", NULL, NULL, error);
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        Manager *manager = userdata;
        int r;

        r = streq(manager->labels[1], VOLUME_IMAGE) ? 0 : require_custom(manager, "deleted", error);
        if (r >= 0)
                r = task_for_object(manager, &volume_delete_kind, &t, error);
        if (r >= 0)
                r = request_read_tail(m, 0, t, error);
        if (r >= 0 && streq(manager->labels[1], VOLUME_IMAGE))
                r = task_lock(t, true, "image %s", manager->labels[3]);
        return r < 0 ? r : task_submit(TAKE_PTR(t), m);
}

static int method_restore(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = require_custom(userdata, "restored", error);
        if (r >= 0)
                r = task_for_object(userdata, &volume_restore_kind, &t, error);
        if (r >= 0)
                r = request_read_text(m, &t->snapshot.name);
        if (r >= 0)
                r = request_read_tail(m, 0, t, error);
        return r < 0 ? r : task_submit(TAKE_PTR(t), m);
}

static int method_create_snapshot(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *name = NULL, *url = NULL;
        _cleanup_(task_freep) Task *t = NULL;
        Manager *manager = userdata;
        uint64_t expires;
        int r;

        r = require_custom(manager, "snapshotted", error);
        if (r >= 0)
                r = request_read_text(m, &name);
        if (r >= 0)
                r = sd_bus_message_read(m, "t", &expires);
        if (r >= 0)
                r = task_for_object(manager, &snapshot_create_kind, &t, error);
        if (r >= 0)
                r = request_read_tail(m, 0, t, error);
        if (r >= 0)
                r = check_new_snapshot(manager, name, error);
        if (r >= 0)
                r = layout_volume_url(manager->labels[0], manager->labels[1], manager->labels[2], manager->labels[3], NULL,
                                      &url);
        if (r < 0)
                return r;
        t->snapshot.name = TAKE_PTR(name);
        t->expires = expires;
        return request_submit_operation(TAKE_PTR(t), m, "Creating storage volume snapshot", "storage_volumes", url, error);
}

const sd_bus_vtable bus_volume_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Description", "s", property_get_volume, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Config", "a{ss}", property_get_volume, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("CreatedAt", "t", property_get_volume, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Holders", "as", property_get_holders, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag),
                                method_describe, 0),
        SD_BUS_METHOD_WITH_ARGS("DescribeState", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document),
                                method_describe_state, 0),
        SD_BUS_METHOD_WITH_ARGS("Update",
                                SD_BUS_ARGS("s", description, "a{ss}", config, "s", etag, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_update, 0),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT,
                                method_rename, 0),
        SD_BUS_METHOD_WITH_ARGS("Move", SD_BUS_ARGS("s", pool, "s", name, "(sss)", requestor, "t", flags),
                                SD_BUS_RESULT("o", operation), method_move, 0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_delete,
                                0),
        SD_BUS_METHOD_WITH_ARGS("Restore", SD_BUS_ARGS("s", snapshot, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT,
                                method_restore, 0),
        SD_BUS_METHOD_WITH_ARGS("ListSnapshots", SD_BUS_ARGS("u", recursion, "t", flags), SD_BUS_RESULT("h", document),
                                method_list_snapshots, 0),
        SD_BUS_METHOD_WITH_ARGS("CreateSnapshot",
                                SD_BUS_ARGS("s", name, "t", expires, "(sss)", requestor, "t", flags),
                                SD_BUS_RESULT("o", operation), method_create_snapshot, 0),
        SD_BUS_VTABLE_END,
};
