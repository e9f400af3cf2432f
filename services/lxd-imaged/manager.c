/* SPDX-License-Identifier: Apache-2.0 */
/* Start, recovery and end of the daemon's state, and its signals. */

#include <fcntl.h>

#include "bus-error.h"
#include "delete.h"
#include "import.h"
#include "life-event.h"
#include "log.h"
#include "manager.h"
#include "secret.h"
#include "store.h"

int manager_open(Manager *m, const char *db_path, const char *images_dir) {
        int r;

        m->images_fd = open(images_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (m->images_fd < 0)
                return log_error_errno(-errno, "Failed to open the image store %s: %m", images_dir);
        r = image_db_open(db_path, &m->db);
        return r < 0 ? log_error_errno(r, "Failed to open the database %s: %m", db_path) : 0;
}

int manager_attach(Manager *m, Daemon *daemon, sd_event *event, BusServer *server, Operations *operations) {
        m->daemon = daemon;
        m->event = event;
        m->server = server;
        m->operations = operations;
        return bus_peer_new(event, "storaged", &m->storaged);
}

void manager_done(Manager *m) {
        if (m->operations) {
                import_stop_all(m);
                delete_stop_all(m);
                secret_drop_all(m);
        }
        bus_peer_free(m->storaged);
        for (unsigned i = 0; i < MANAGER_RECENT; i++) {
                if (m->recent_images[i])
                        image_record_done(&m->recent_images[i]->record);
                free(m->recent_images[i]);
                if (m->recent_aliases[i])
                        alias_record_done(&m->recent_aliases[i]->record);
                free(m->recent_aliases[i]);
        }
        db_close(m->db);
        m->images_fd = close_safe(m->images_fd);
        *m = (Manager) { .images_fd = -EBADF };
}

void manager_hold(Manager *m) {
        if (m->daemon)
                daemon_hold(m->daemon);
}

void manager_release(Manager *m) {
        if (m->daemon)
                daemon_release(m->daemon);
}

static void leftover(const char *what, const ImageRecord *i) {
        (void) log_at(LOG_NOTICE, 0, (&(LogFields) { .project = i->project, .image = i->fingerprint, .message_id = LXD_MSG_LEFTOVER_REMOVED }),
                      "Image %s: %s.", i->fingerprint, what);
}

typedef struct RowList {
        ImageRecord *items;
        size_t n;
} RowList;

static void row_list_done(RowList *l) {
        for (size_t i = 0; i < l->n; i++)
                image_record_done(&l->items[i]);
        free(l->items);
}

static int collect_row(ImageRecord *i, void *userdata) {
        RowList *l = userdata;
        ImageRecord *items = reallocarray(l->items, l->n + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        l->items = items;
        l->items[l->n++] = *i;
        *i = (ImageRecord) {};
        return 0;
}

/* An import that was killed between its row and its last step. */
static int undo_pending(Manager *m) {
        _cleanup_(row_list_done) RowList l = {};
        int r = db_image_foreach(m->db, NULL, IMAGE_PENDING, collect_row, &l);

        for (size_t k = 0; r >= 0 && k < l.n; k++) {
                if (db_image_count(m->db, l.items[k].fingerprint, l.items[k].id) == 0)
                        r = store_remove(m->images_fd, l.items[k].fingerprint);
                r = r < 0 ? r : db_image_delete(m->db, l.items[k].id);
                leftover("removed what an interrupted import had left", &l.items[k]);
        }
        return r;
}

static int drop_without_file(Manager *m) {
        _cleanup_(row_list_done) RowList l = {};
        int r = db_image_foreach(m->db, NULL, IMAGE_CREATED, collect_row, &l);

        for (size_t k = 0; r >= 0 && k < l.n; k++) {
                if (store_has(m->images_fd, l.items[k].fingerprint, l.items[k].format))
                        continue;
                r = db_image_delete(m->db, l.items[k].id);
                leftover("its file is gone from the store, removed the record", &l.items[k]);
        }
        return r;
}

static int has_row(ImageRecord *i, void *userdata) {
        return streq(i->fingerprint, userdata);
}

static int remove_without_row(const char *fingerprint, void *userdata) {
        Manager *m = userdata;

        for (ImageState s = IMAGE_PENDING; s <= IMAGE_DELETING; s++) {
                int r = db_image_foreach(m->db, NULL, s, has_row, (void *) fingerprint);

                if (r != 0)
                        return r < 0 ? r : 0;
        }
        leftover("removed a file that belongs to no image", &(ImageRecord) { .fingerprint = (char *) fingerprint });
        return store_remove(m->images_fd, fingerprint);
}

static int resume_deletions(Manager *m) {
        _cleanup_(row_list_done) RowList l = {};
        int r = db_image_foreach(m->db, NULL, IMAGE_DELETING, collect_row, &l);

        for (size_t k = 0; r >= 0 && k < l.n; k++) {
                leftover("going on with an interrupted deletion", &l.items[k]);
                r = delete_start(m, &l.items[k], false, NULL, NULL, NULL);
        }
        return r;
}

int manager_recover(Manager *m) {
        int r = undo_pending(m);

        r = r < 0 ? r : drop_without_file(m);
        r = r < 0 ? r : store_foreach(m->images_fd, remove_without_row, m);
        r = r < 0 ? r : resume_deletions(m);
        return r < 0 ? log_error_errno(r, "Failed to clean up the image store: %m") : 0;
}

static void event(Manager *m, const char *project, const char *action, const char *collection, const char *name, const char *key, const char *value,
                  const Requestor *who, const LogFields *about) {
        _cleanup_free_ char *source = NULL, *encoded = NULL, *encoded_project = NULL;
        _cleanup_(config_done) Config context = {};
        int r = url_encode(name, &encoded);

        r = r < 0 ? r : url_encode(project, &encoded_project);
        if (r >= 0)
                r = streq(project, "default") ? str_format(&source, "%s/%s", collection, encoded)
                                              : str_format(&source, "%s/%s?project=%s", collection, encoded, encoded_project);
        if (r >= 0 && key)
                r = config_set(&context, key, value);
        if (r >= 0)
                r = lifecycle_emit(m->operations, action, source, &context, who, about);
        if (r < 0)
                log_warning_errno(r, "Failed to signal %s of %s: %m", action, name);
}

void manager_image_event(Manager *m, const char *project, const char *action, const char *fingerprint, const char *key, const char *value, const Requestor *who,
                         Operation *op) {
        event(m, project, action, "/1.0/images", fingerprint, key, value, who,
              &(const LogFields) { .project = project, .image = fingerprint, .operation = operation_id(op) });
}

void manager_alias_event(Manager *m, const char *project, const char *action, const char *name, const char *key, const char *value, const Requestor *who) {
        event(m, project, action, "/1.0/images/aliases", name, key, value, who, &(const LogFields) { .project = project });
}

static void signal_failed(int r) {
        if (r < 0)
                log_debug_errno(r, "Failed to signal a change of the bus objects: %m");
}

static void object_event(Manager *m, const char *prefix, const char *project, const char *name, int (*emit)(BusServer *s, const char *path)) {
        _cleanup_free_ char *path = NULL;
        int r = bus_path_encode(&path, prefix, project, name, NULL);

        signal_failed(r < 0 ? r : emit(m->server, path));
}

void manager_image_appeared(Manager *m, const char *project, const char *fingerprint) {
        object_event(m, IMAGE_PREFIX, project, fingerprint, bus_server_emit_object_added);
}

void manager_image_vanished(Manager *m, const char *project, const char *fingerprint) {
        object_event(m, IMAGE_PREFIX, project, fingerprint, bus_server_emit_object_removed);
}

void manager_image_changed(Manager *m, const char *project, const char *fingerprint, char **names) {
        _cleanup_free_ char *path = NULL;
        int r = bus_path_encode(&path, IMAGE_PREFIX, project, fingerprint, NULL);

        signal_failed(r < 0 ? r : bus_server_emit_properties_changed(m->server, path, IMAGE_BUS ".Image", names));
}

static int alias_changed(BusServer *s, const char *path) {
        return bus_server_emit_properties_changed(s, path, IMAGE_BUS ".Alias",
                                                  (char *[]) { (char *) "Description", (char *) "Target", (char *) "Type", NULL });
}

void manager_alias_signal(Manager *m, AliasSignal what, const char *project, const char *name) {
        object_event(m, ALIAS_PREFIX, project, name,
                     what == ALIAS_APPEARED   ? bus_server_emit_object_added
                     : what == ALIAS_VANISHED ? bus_server_emit_object_removed
                                              : alias_changed);
}

int image_lookup_error(int r, sd_bus_error *error) {
        if (r == -ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Image not found");
        if (r == -ENOTUNIQ)
                return bus_error_set(error, LXD_ERROR_INVALID, "More than one image matches");
        return r;
}
