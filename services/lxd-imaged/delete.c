/* SPDX-License-Identifier: Apache-2.0 */
/* A deletion that was begun goes to its end, if need be after the next start: half of an image is of no use. */

#include "bus-error.h"
#include "crash.h"
#include "delete.h"
#include "log.h"
#include "store.h"

struct DeleteJob {
        Manager *manager;
        Operation *operation; /* NULL: nobody waits */
        Requestor who;
        int64_t id;
        char *project, *fingerprint;
        DeleteJob *next;
};

static void delete_job_free(DeleteJob *j) {
        for (DeleteJob **p = &j->manager->deletes; *p; p = &(*p)->next)
                if (*p == j) {
                        *p = j->next;
                        break;
                }
        if (!j->operation)
                manager_release(j->manager);
        requestor_done(&j->who);
        free(j->project);
        free(j->fingerprint);
        free(j);
}

void delete_stop_all(Manager *m) {
        while (m->deletes)
                delete_job_free(m->deletes);
}

/* The volumes could not be removed: the image is as it was. */
static void delete_fail(DeleteJob *j, int r, sd_bus_error *error) {
        (void) db_image_set_state(j->manager->db, j->id, IMAGE_CREATED);
        bus_error_wrap(error, r, "Failed to delete image %.12s", j->fingerprint);
        if (j->operation)
                operation_finish(j->operation, r, error);
        else
                log_warning("%s", error->message);
        delete_job_free(j);
}

static void delete_finish(DeleteJob *j) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Manager *m = j->manager;
        int r = 0;

        crash_point("delete-volumes-gone");
        if (db_image_count(m->db, j->fingerprint, j->id) == 0)
                r = store_remove(m->images_fd, j->fingerprint);
        crash_point("delete-files-gone");
        if (r >= 0)
                r = db_image_delete(m->db, j->id);
        crash_point("delete-committed");
        if (r < 0) {
                delete_fail(j, r, &error);
                return;
        }
        manager_image_vanished(m, j->project, j->fingerprint);
        manager_image_event(m, j->project, "image-deleted", j->fingerprint, NULL, NULL, &j->who, j->operation);
        if (j->operation)
                operation_finish(j->operation, 0, NULL);
        delete_job_free(j);
}

static void on_volumes_deleted(sd_bus_message *reply, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        DeleteJob *j = userdata;

        if (e) {
                (void) sd_bus_error_copy(&error, e);
                delete_fail(j, -sd_bus_error_get_errno(e), &error);
                return;
        }
        delete_finish(j);
}

static int ask_storaged(DeleteJob *j) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        BusPeer *p = j->manager->storaged;
        int r = bus_peer_message(p, &call, "/org/lxd/storage1", LXD_BUS_PREFIX ".storage1.Guests", "DeleteImage");

        r = r < 0 ? r : sd_bus_message_append(call, "st", j->fingerprint, UINT64_C(0));
        return r < 0 ? r : bus_peer_call(p, call, on_volumes_deleted, j);
}

int delete_start(Manager *m, const ImageRecord *i, bool operation, const Requestor *who, Operation **ret, sd_bus_error *error) {
        char url[FINGERPRINT_LENGTH + 32];
        DeleteJob *j = calloc(1, sizeof(*j));
        int r;

        if (!j)
                return -ENOMEM;
        *j = (DeleteJob) { .manager = m, .id = i->id, .next = m->deletes };
        m->deletes = j;
        manager_hold(m); /* given back by delete_job_free(), or below */
        r = str_replace(&j->project, i->project);
        r = r < 0 ? r : str_replace(&j->fingerprint, i->fingerprint);
        r = r < 0 ? r : requestor_copy(who, &j->who);
        if (r >= 0)
                r = db_image_set_state(m->db, i->id, IMAGE_DELETING);
        if (r >= 0 && operation) {
                r = operation_new(m->operations, "task", "Deleting image", i->project, who, &j->operation, error);
                if (r >= 0)
                        manager_release(m);
        }
        if (r < 0) {
                (void) db_image_set_state(m->db, i->id, IMAGE_CREATED);
                delete_job_free(j);
                return r;
        }
        if (operation) {
                (void) snprintf(url, sizeof(url), "/1.0/images/%s", i->fingerprint);
                (void) operation_add_resource(j->operation, "images", url);
                *ret = j->operation;
        }

        crash_point("delete-marked");
        /* Other projects may have made volumes of the same image: they stay. */
        if (db_image_count(m->db, i->fingerprint, i->id) > 0) {
                delete_finish(j);
                return 0;
        }
        r = ask_storaged(j);
        if (r < 0) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;

                (void) bus_error_set(&e, LXD_ERROR_UNAVAILABLE, "Cannot ask lxd-storaged to remove its volumes: %s (see systemctl status lxd-storaged.socket)",
                                     strerror(-r));
                delete_fail(j, -EHOSTDOWN, &e);
        }
        return 0;
}
