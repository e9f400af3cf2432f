/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.storage1.Guests: volumes of instances, for lxd-instanced and lxd-imaged. */
#include "bus-error.h"
#include "bus-interfaces.h"
#include "bus-request.h"
#include "copy.h"
#include "guest.h"
#include "image.h"
#include "shift.h"
#include "snapshot.h"

/* Names that lxd-instanced gives become paths: they are checked here too. */
static int check_instance(const char *project, const char *name, sd_bus_error *error) {
        const char *slash = strchr(name, '/');
        _cleanup_free_ char *instance = strndup(name, slash ? (size_t) (slash - name) : strlen(name));

        if (!instance)
                return -ENOMEM;
        if (!object_name_is_valid(project) || !object_name_is_valid(instance) ||
            (slash && !snapshot_name_is_valid(slash + 1)))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid instance name \"%s\" in project \"%s\"", name,
                                     project);
        return 0;
}

static int instance_task(sd_bus_message *m, Manager *manager, const TaskKind *kind, Task **ret, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        const char *pool, *project, *name;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "sss", &pool, &project, &name);
        if (r >= 0)
                r = check_instance(project, name, error);
        if (r >= 0)
                r = volume_task_new(manager, kind, pool, VOLUME_CONTAINER, project, name, &t);
        if (r < 0)
                return r;
        t->silent = true;
        *ret = TAKE_PTR(t);
        return 0;
}

/* The same where the name may be "instance/snapshot": the lock and the volume are the instance's. 1 = it is a snapshot. */
static int instance_or_snapshot_task(sd_bus_message *m, Manager *manager, const TaskKind *instance_kind,
                                     const TaskKind *snapshot_kind, Task **ret, sd_bus_error *error) {
        _cleanup_free_ char *instance = NULL;
        _cleanup_(task_freep) Task *t = NULL;
        const char *pool, *project, *name, *slash;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "sss", &pool, &project, &name);
        if (r >= 0)
                r = check_instance(project, name, error);
        if (r < 0)
                return r;
        slash = strchr(name, '/');
        instance = strndup(name, strcspn(name, "/"));
        if (!instance)
                return -ENOMEM;
        r = volume_task_new(manager, slash ? snapshot_kind : instance_kind, pool, VOLUME_CONTAINER, project, instance, &t);
        if (r >= 0 && slash)
                r = str_replace(&t->snapshot.name, slash + 1);
        if (r < 0)
                return r;
        t->silent = true;
        *ret = TAKE_PTR(t);
        return slash != NULL;
}

static int read_flags_and_submit(sd_bus_message *m, Task *t, sd_bus_error *error) {
        int r;

        r = bus_read_flags(m, 0, &t->flags, error);
        if (r < 0) {
                task_free(t);
                return r;
        }
        return task_submit(t, m);
}

/* ---- CreateVolume ---- */

static int create_from_image(sd_bus_message *m, Task *t, const Config *source, sd_bus_error *error) {
        const char *fingerprint = config_get_or(source, "fingerprint", "");
        Manager *manager = t->manager;
        Task *ensure;
        int r;

        r = hex_is_valid(fingerprint, 64) ? 0 : bus_error_set(error, LXD_ERROR_INVALID, "Invalid image fingerprint \"%s\"", fingerprint);
        if (r >= 0)
                r = str_replace(&t->source.name, fingerprint);
        if (r >= 0)
                r = image_lock(t, false, fingerprint);
        if (r >= 0)
                r = image_is_there(manager, t->pool_name, fingerprint);
        if (r > 0)
                return task_submit(t, m);
        if (r >= 0)
                r = image_ensure_task_new(manager, t->pool_name, fingerprint, &ensure);
        if (r < 0) {
                task_free(t);
                return r;
        }
        t->message = sd_bus_message_ref(m);
        ensure->then = t;
        return task_submit(ensure, NULL);
}

static int create_copy(sd_bus_message *m, Task *t, const Config *source, sd_bus_error *error) {
        const char *name = config_get_or(source, "name", ""), *project = config_get(source, "project");
        int r;

        if (!project)
                project = t->volume.project;
        r = check_instance(project, name, error);
        if (r >= 0)
                r = strv_split(config_get_or(source, "snapshots", ""), "\n", &t->names);
        t->with_snapshots = strv_length(t->names) > 0;
        if (r >= 0)
                r = copy_set_source(t, config_get_or(source, "pool", t->pool_name), VOLUME_CONTAINER, project, name);
        if (r < 0) {
                task_free(t);
                return r;
        }
        return task_submit(t, m);
}

static int method_create_volume(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(config_done) Config source = {};
        _cleanup_(task_freep) Task *t = NULL;
        const char *type;
        int r;

        r = instance_task(m, userdata, &volume_create_instance_kind, &t, error);
        if (r >= 0)
                r = volume_check_name(t->volume.name, error);
        if (r >= 0)
                r = bus_read_config(m, &t->config);
        if (r >= 0)
                r = bus_read_config(m, &source);
        if (r >= 0)
                r = bus_read_flags(m, 0, &t->flags, error);
        if (r < 0)
                return r;
        type = config_get_or(&source, "type", "");
        if (streq(type, "none"))
                return task_submit(TAKE_PTR(t), m);
        if (streq(type, "image")) {
                t->kind = &image_instance_kind;
                return create_from_image(m, TAKE_PTR(t), &source, error);
        }
        if (streq(type, "copy")) {
                t->kind = &volume_copy_instance_kind;
                return create_copy(m, TAKE_PTR(t), &source, error);
        }
        return bus_error_set(error, LXD_ERROR_INVALID, "Unknown source type \"%s\"", type);
}

static int method_refresh_volume(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(config_done) Config source = {};
        _cleanup_(task_freep) Task *t = NULL;
        const char *name, *project;
        int r;

        r = instance_task(m, userdata, &volume_refresh_instance_kind, &t, error);
        if (r >= 0)
                r = bus_read_config(m, &source);
        if (r < 0)
                return r;
        name = config_get_or(&source, "name", "");
        project = config_get_or(&source, "project", t->volume.project);
        r = check_instance(project, name, error);
        if (r >= 0 && streq(project, t->volume.project) && strncmp(name, t->volume.name, strcspn(name, "/")) == 0 &&
            t->volume.name[strcspn(name, "/")] == '\0')
                r = bus_error_set(error, LXD_ERROR_INVALID, "An instance cannot be refreshed from itself");
        if (r >= 0)
                r = copy_set_source(t, config_get_or(&source, "pool", t->pool_name), VOLUME_CONTAINER, project, name);
        return r < 0 ? r : read_flags_and_submit(m, TAKE_PTR(t), error);
}

/* ---- the others ---- */

static int method_delete_volume(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Task *t;
        int r;

        r = instance_or_snapshot_task(m, userdata, &volume_delete_instance_kind, &snapshot_delete_instance_kind, &t, error);
        return r < 0 ? r : read_flags_and_submit(m, t, error);
}

static int method_rename_volume(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        const char *new_name, *name;
        int r, snapshot;

        snapshot = instance_or_snapshot_task(m, userdata, &volume_rename_instance_kind, &snapshot_rename_instance_kind, &t,
                                             error);
        if (snapshot < 0)
                return snapshot;
        r = sd_bus_message_read(m, "s", &new_name);
        if (r >= 0)
                r = check_instance(t->volume.project, new_name, error);
        if (r < 0)
                return r;
        name = strchr(new_name, '/');
        if (snapshot ? !name : name != NULL)
                return bus_error_set(error, LXD_ERROR_INVALID, "Cannot rename between instances and snapshots");
        r = str_replace(&t->new_name, snapshot ? name + 1 : new_name);
        if (r >= 0 && !snapshot && !streq(new_name, t->volume.name))
                r = task_lock_volume(t, true, t->pool_name, VOLUME_CONTAINER, t->volume.project, new_name);
        return r < 0 ? r : read_flags_and_submit(m, TAKE_PTR(t), error);
}

static int snapshot_method(sd_bus_message *m, Manager *manager, const TaskKind *kind, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = instance_task(m, manager, kind, &t, error);
        if (r >= 0)
                r = request_read_text(m, &t->snapshot.name);
        if (r >= 0)
                r = snapshot_check_name(t->snapshot.name, error);
        return r < 0 ? r : read_flags_and_submit(m, TAKE_PTR(t), error);
}

static int method_create_snapshot(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return snapshot_method(m, userdata, &snapshot_create_instance_kind, error);
}

static int method_restore_snapshot(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return snapshot_method(m, userdata, &volume_restore_instance_kind, error);
}

static int method_update_volume(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = instance_task(m, userdata, &volume_update_instance_kind, &t, error);
        if (r >= 0)
                r = bus_read_config(m, &t->config);
        return r < 0 ? r : read_flags_and_submit(m, TAKE_PTR(t), error);
}

static int holder_task(sd_bus_message *m, Manager *manager, const TaskKind *kind, Task **ret, sd_bus_error *error) {
        const char *pool, *type, *project, *name, *holder;
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "sssss", &pool, &type, &project, &name, &holder);
        if (r >= 0 && !volume_type_is_valid(type))
                r = bus_error_set(error, LXD_ERROR_INVALID, "Invalid storage volume type name");
        if (r >= 0)
                r = volume_task_new(manager, kind, pool, type, project, name, &t);
        if (r >= 0)
                r = str_replace(&t->holder, holder);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

static int holder_method(sd_bus_message *m, Manager *manager, const TaskKind *kind, sd_bus_error *error) {
        Task *t;
        int r = holder_task(m, manager, kind, &t, error);

        return r < 0 ? r : read_flags_and_submit(m, t, error);
}

static int method_mount(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return holder_method(m, userdata, &guest_mount_kind, error);
}

static int method_unmount(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return holder_method(m, userdata, &guest_unmount_kind, error);
}

static int method_shift(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = holder_task(m, userdata, &shift_kind, &t, error);
        if (r >= 0)
                r = bus_read_strv(m, &t->names);
        return r < 0 ? r : read_flags_and_submit(m, TAKE_PTR(t), error);
}

/* No task: it waits for nobody and changes nothing. */
static int method_check_volume(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *pool, *project, *name;
        _cleanup_(volume_done) Volume v = {};
        _cleanup_(pool_done) Pool p = {};
        Manager *manager = userdata;
        uint64_t flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "sss", &pool, &project, &name);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        r = db_pool_get(manager->db, pool, &p);
        if (r == -ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Failed to get storage pool \"%s\": Storage pool not found", pool);
        if (r >= 0)
                r = db_volume_get(manager->db, p.id, VOLUME_CUSTOM, project, name, &v);
        if (r == -ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Failed loading custom volume: Storage volume not found");
        return r < 0 ? bus_error_wrap(error, r, "Failed loading custom volume") : sd_bus_reply_method_return(m, NULL);
}

/* No task: it waits for nobody and changes no volume. */
static int method_unmount_all(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *holder;
        uint64_t flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &holder);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = guest_let_go(userdata, holder);
        return r < 0 ? bus_error_wrap(error, r, "Failed to record what is not in use any more") : sd_bus_reply_method_return(m, NULL);
}

static int method_get_usage(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *pool, *project;
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "ss", &pool, &project);
        if (r >= 0)
                r = task_new(userdata, &guest_usage_kind, &t);
        if (r >= 0)
                r = str_replace(&t->pool_name, pool);
        if (r >= 0)
                r = str_replace(&t->volume.type, VOLUME_CONTAINER);
        if (r >= 0)
                r = str_replace(&t->volume.project, project);
        if (r >= 0)
                r = bus_read_strv(m, &t->names);
        STRV_FOREACH(name, t ? t->names : NULL)
                if (r >= 0)
                        r = check_instance(project, *name, error);
        return r < 0 ? r : read_flags_and_submit(m, TAKE_PTR(t), error);
}

static int method_delete_image(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        const char *fingerprint;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &fingerprint);
        if (r >= 0 && !hex_is_valid(fingerprint, 64))
                r = bus_error_set(error, LXD_ERROR_INVALID, "Invalid image fingerprint \"%s\"", fingerprint);
        if (r >= 0)
                r = task_new(userdata, &image_delete_kind, &t);
        if (r >= 0)
                r = str_replace(&t->volume.name, fingerprint);
        if (r >= 0)
                r = image_lock(t, true, fingerprint);
        return r < 0 ? r : read_flags_and_submit(m, TAKE_PTR(t), error);
}

#define VOLUME_ARGS "s", pool, "s", project, "s", name

const sd_bus_vtable bus_guests_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CreateVolume",
                                SD_BUS_ARGS(VOLUME_ARGS, "a{ss}", config, "a{ss}", source, "t", flags), SD_BUS_NO_RESULT,
                                method_create_volume, 0),
        SD_BUS_METHOD_WITH_ARGS("RefreshVolume", SD_BUS_ARGS(VOLUME_ARGS, "a{ss}", source, "t", flags), SD_BUS_NO_RESULT,
                                method_refresh_volume, 0),
        SD_BUS_METHOD_WITH_ARGS("DeleteVolume", SD_BUS_ARGS(VOLUME_ARGS, "t", flags), SD_BUS_NO_RESULT,
                                method_delete_volume, 0),
        SD_BUS_METHOD_WITH_ARGS("RenameVolume", SD_BUS_ARGS(VOLUME_ARGS, "s", new_name, "t", flags), SD_BUS_NO_RESULT,
                                method_rename_volume, 0),
        SD_BUS_METHOD_WITH_ARGS("CreateSnapshot", SD_BUS_ARGS(VOLUME_ARGS, "s", snapshot, "t", flags), SD_BUS_NO_RESULT,
                                method_create_snapshot, 0),
        SD_BUS_METHOD_WITH_ARGS("RestoreSnapshot", SD_BUS_ARGS(VOLUME_ARGS, "s", snapshot, "t", flags),
                                SD_BUS_NO_RESULT, method_restore_snapshot, 0),
        SD_BUS_METHOD_WITH_ARGS("UpdateVolume", SD_BUS_ARGS(VOLUME_ARGS, "a{ss}", config, "t", flags),
                                SD_BUS_NO_RESULT, method_update_volume, 0),
        SD_BUS_METHOD_WITH_ARGS("Mount",
                                SD_BUS_ARGS("s", pool, "s", type, "s", project, "s", name, "s", holder, "t", flags),
                                SD_BUS_RESULT("s", path, "as", idmap, "b", unmapped), method_mount, 0),
        SD_BUS_METHOD_WITH_ARGS("Shift",
                                SD_BUS_ARGS("s", pool, "s", type, "s", project, "s", name, "s", holder, "as", idmap, "t", flags),
                                SD_BUS_NO_RESULT, method_shift, 0),
        SD_BUS_METHOD_WITH_ARGS("Unmount",
                                SD_BUS_ARGS("s", pool, "s", type, "s", project, "s", name, "s", holder, "t", flags),
                                SD_BUS_NO_RESULT, method_unmount, 0),
        SD_BUS_METHOD_WITH_ARGS("CheckVolume", SD_BUS_ARGS(VOLUME_ARGS, "t", flags), SD_BUS_NO_RESULT, method_check_volume, 0),
        SD_BUS_METHOD_WITH_ARGS("UnmountAll", SD_BUS_ARGS("s", holder, "t", flags), SD_BUS_NO_RESULT, method_unmount_all, 0),
        SD_BUS_METHOD_WITH_ARGS("GetUsage", SD_BUS_ARGS("s", pool, "s", project, "as", names, "t", flags),
                                SD_BUS_RESULT("a{st}", bytes), method_get_usage, 0),
        SD_BUS_METHOD_WITH_ARGS("DeleteImage", SD_BUS_ARGS("s", fingerprint, "t", flags), SD_BUS_NO_RESULT,
                                method_delete_image, 0),
        SD_BUS_VTABLE_END,
};
