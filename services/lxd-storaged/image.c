/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of images. */
#include "image.h"

#include "bus-error.h"
#include "layout.h"
#include "log.h"

int image_lock(Task *t, bool exclusive, const char *fingerprint) {
        return task_lock(t, exclusive, "image %s", fingerprint);
}

int image_is_there(Manager *m, const char *pool, const char *fingerprint) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_(pool_done) Pool p = {};
        int r;

        r = db_pool_get(m->db, pool, &p);
        if (r >= 0)
                r = db_volume_get(m->db, p.id, VOLUME_IMAGE, "default", fingerprint, &v);
        if (r == -ENOENT)
                return 0;
        return r < 0 ? r : v.state == ROW_CREATED;
}

/* ---- unpack ---- */

/* Somebody who waited for the same lock before us may have made it. */
static int step_ensure_check(Task *t, sd_bus_error *error) {
        int r;

        r = image_is_there(t->manager, t->pool.name, t->volume.name);
        if (r < 0)
                return r;
        t->settled = r > 0;
        return t->settled ? 0 : step_volume_create_check(t, error);
}

static int read_image(Task *t, sd_bus_message *m) {
        const char *format;
        int r;

        r = bus_read_fd(m, &t->fds[0]);
        if (r >= 0)
                r = bus_read_fd(m, &t->fds[1]);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &format);
        return r < 0 ? r : str_replace(&t->format, format);
}

static void on_image_opened(sd_bus_message *m, const sd_bus_error *error, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Task *t = userdata;
        int r;

        if (error) {
                (void) sd_bus_error_copy(&e, error);
                r = -sd_bus_error_get_errno(error);
                task_resume(t, r < 0 ? r : -EIO, &e);
                return;
        }
        r = read_image(t, m);
        if (r < 0)
                r = bus_error_wrap(&e, r, "Failed to read what lxd-imaged says about image \"%s\"", t->volume.name);
        task_resume(t, r, &e);
}

static int step_ensure_open(Task *t, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        BusPeer *peer = t->manager->images;
        int r;

        r = bus_peer_message(peer, &m, "/org/lxd/image1", LXD_BUS_PREFIX ".image1.Store", "OpenImage");
        if (r >= 0)
                r = sd_bus_message_append(m, "st", t->volume.name, (uint64_t) 0);
        if (r >= 0)
                r = bus_peer_call(peer, m, on_image_opened, t);
        return r < 0 ? bus_error_wrap(error, r, "Failed to ask lxd-imaged for image \"%s\"", t->volume.name) : 1;
}

static int step_ensure_run(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = layout_volume(VOLUME_IMAGE, "default", t->volume.name, &path);
        if (r >= 0)
                r = argument_add(&arguments, "to", path);
        if (r >= 0)
                r = argument_addf(&arguments, "id", "%" PRIi64, t->volume.id);
        if (r >= 0)
                r = argument_add(&arguments, "format", t->format);
        return r < 0 ? r : task_worker(t, "image-create", &t->pool, arguments, t->fds, 2, error);
}

static const TaskKind image_ensure_kind = {
        .name = "unpack image",
        .steps = (const task_step_t[]) { step_pool_load, step_ensure_check, step_pool_mount, step_ensure_open,
                                         step_volume_target_free, step_volume_record, step_ensure_run,
                                         step_volume_commit, NULL },
        .undo = volume_remove_steps,
};

int image_ensure_task_new(Manager *m, const char *pool, const char *fingerprint, Task **ret) {
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = volume_task_new(m, &image_ensure_kind, pool, VOLUME_IMAGE, "default", fingerprint, &t);
        if (r >= 0)
                r = image_lock(t, true, fingerprint);
        if (r < 0)
                return r;
        t->silent = true;
        *ret = TAKE_PTR(t);
        return 0;
}

/* ---- an instance from it ---- */

static int step_image_check(Task *t, sd_bus_error *error) {
        int r;

        r = image_is_there(t->manager, t->pool.name, t->source.name);
        if (r == 0)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND,
                                     "Image \"%s\" was removed from storage pool \"%s\" while an instance was being made of it; try again",
                                     t->source.name, t->pool.name);
        return r < 0 ? r : 0;
}

static int step_instance_run(Task *t, sd_bus_error *error) {
        _cleanup_strv_free_ Strv arguments = NULL;
        _cleanup_free_ char *from = NULL, *to = NULL;
        int r;

        r = layout_volume(VOLUME_IMAGE, "default", t->source.name, &from);
        if (r >= 0)
                r = layout_volume(t->volume.type, t->volume.project, t->volume.name, &to);
        if (r >= 0)
                r = argument_add(&arguments, "from", from);
        if (r >= 0)
                r = argument_add(&arguments, "to", to);
        if (r >= 0)
                r = argument_addf(&arguments, "id", "%" PRIi64, t->volume.id);
        if (r >= 0)
                r = argument_addf(&arguments, "quota", "%" PRIu64, t->volume.quota);
        return r < 0 ? r : task_worker(t, "volume-copy", &t->pool, arguments, NULL, 0, error);
}

const TaskKind image_instance_kind = {
        .name = "create volume of instance from image",
        .steps = (const task_step_t[]) { step_pool_load, step_volume_create_check, step_image_check, step_pool_mount,
                                         step_volume_target_free, step_volume_record, step_instance_run,
                                         step_volume_commit, NULL },
        .undo = volume_remove_steps,
};

/* ---- delete, pool after pool ---- */

static int step_delete_pick(Task *t, sd_bus_error *error) {
        _cleanup_(volume_list_done) VolumeList left = {};
        int r;

        r = db_volume_list_image(t->manager->db, t->volume.name, &left);
        if (r < 0)
                return r;
        t->settled = left.n == 0;
        if (t->settled)
                return 0;
        volume_done(&t->volume);
        t->volume = left.items[0];
        left.items[0] = (Volume) {};
        pool_done(&t->pool);
        r = db_pool_get_by_id(t->manager->db, t->volume.pool_id, &t->pool);
        return r < 0 ? r : db_volume_set_state(t->manager->db, t->volume.id, ROW_DELETING);
}

static int step_delete_row(Task *t, sd_bus_error *error) {
        int r = step_volume_forget(t, error);

        if (r >= 0)
                task_restart(t);
        return r;
}

const TaskKind image_delete_kind = {
        .name = "delete volumes of image",
        .steps = (const task_step_t[]) { step_delete_pick, step_pool_mount, step_volume_remove, step_delete_row, NULL },
};
