/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of an import: files and a row appear only after the worker has found everything right. */

#include "base/clock.h"
#include "bus-error.h"
#include "crash.h"
#include "import.h"
#include "log.h"
#include "store.h"
#include "worker.h"

struct ImportJob {
        Manager *manager;
        ImportRequest request;
        Operation *operation;
        Worker *worker;
        int metadata_fd, rootfs_fd;
        ImportJob *next;
};

void import_request_done(ImportRequest *q) {
        free(q->project);
        if (q->stream > 0)
                (void) close(q->stream);
        free(q->content_type);
        free(q->filename);
        free(q->fingerprint);
        config_done(&q->properties);
        image_aliases_done(&q->aliases);
        strv_free(q->profiles);
        requestor_done(&q->who);
        *q = (ImportRequest) {};
}

static ImportJob *import_job_free(ImportJob *j) {
        if (!j)
                return NULL;
        for (ImportJob **p = &j->manager->imports; *p; p = &(*p)->next)
                if (*p == j) {
                        *p = j->next;
                        break;
                }
        import_request_done(&j->request);
        worker_free(j->worker);
        close_safe(j->metadata_fd);
        close_safe(j->rootfs_fd);
        free(j);
        return NULL;
}
DEFINE_CLEANUP(ImportJob, import_job_free)

void import_stop_all(Manager *m) {
        while (m->imports)
                import_job_free(m->imports);
}

int image_check_properties(const Config *properties, sd_bus_error *error) {
        CONFIG_FOREACH(i, properties) {
                if (isempty(i->key) || strlen(i->key) > 255 || !text_is_valid(i->key, false))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid name of an image property: \"%.64s\"", i->key);
                if (!text_is_valid(i->value, true))
                        return bus_error_set(error, LXD_ERROR_INVALID, "The image property \"%s\" has control characters", i->key);
        }
        return 0;
}

int image_check_alias_name(const char *name, sd_bus_error *error) {
        if (isempty(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "name and target are required");
        if (strlen(name) > 255 || !text_is_valid(name, false))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid alias name: at most 255 bytes, no control characters");
        return 0;
}

static int check_aliases(Manager *m, const ImportRequest *q, sd_bus_error *error) {
        for (size_t i = 0; i < q->aliases.n; i++) {
                _cleanup_(alias_record_done) AliasRecord a = {};
                const char *name = q->aliases.items[i].name;
                int r = image_check_alias_name(name, error);

                if (r < 0)
                        return r;
                for (size_t k = 0; k < i; k++)
                        if (streq(q->aliases.items[k].name, name))
                                return bus_error_set(error, LXD_ERROR_INVALID, "The alias \"%s\" is given twice", name);
                r = db_alias_get(m->db, q->project, name, &a);
                if (r >= 0)
                        return bus_error_set(error, LXD_ERROR_EXISTS, "Alias \"%s\" already exists", name);
                if (r != -ENOENT)
                        return r;
        }
        return 0;
}

static int check_request(Manager *m, const ImportRequest *q, sd_bus_error *error) {
        _cleanup_(image_record_done) ImageRecord present = {};
        int r = image_check_properties(&q->properties, error);

        if (r >= 0)
                r = check_aliases(m, q, error);
        if (r < 0)
                return r;
        if (!isempty(q->filename) && (strlen(q->filename) > 255 || !text_is_valid(q->filename, false)))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid file name of the image");
        if (isempty(q->fingerprint))
                return 0;
        if (!hex_is_valid(q->fingerprint, FINGERPRINT_LENGTH))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid fingerprint: \"%.80s\"", q->fingerprint);
        if (db_image_get(m->db, q->project, q->fingerprint, &present) >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Image with same fingerprint already exists");
        return 0;
}

/* The row, from what the client wants and what the worker found. */
static int make_record(const ImportRequest *q, const Config *results, ImageRecord *i) {
        const char *filename = config_get_or(results, "filename", "");
        int r;

        i->state = IMAGE_PENDING;
        i->public = q->public;
        i->auto_update = q->auto_update;
        i->uploaded = now_realtime();
        if (parse_u64(config_get_or(results, "size", ""), &i->size) < 0 || parse_u64(config_get_or(results, "created", ""), &i->created) < 0 ||
            parse_u64(config_get_or(results, "expires", ""), &i->expires) < 0)
                return -EBADMSG;
        if (q->expires > 0)
                i->expires = q->expires;
        if (str_replace(&i->project, q->project) < 0 || str_replace(&i->fingerprint, config_get_or(results, "fingerprint", "")) < 0 ||
            str_replace(&i->filename, filename[0] ? filename : strempty(q->filename)) < 0 ||
            str_replace(&i->format, config_get_or(results, "format", "")) < 0 || str_replace(&i->type, "container") < 0 ||
            str_replace(&i->architecture, config_get_or(results, "architecture", "")) < 0)
                return -ENOMEM;
        if (!hex_is_valid(i->fingerprint, FINGERPRINT_LENGTH))
                return -EBADMSG;
        CONFIG_FOREACH(item, results) {
                const char *key = startswith(item->key, "property.");

                if (key && config_set(&i->properties, key, item->value) < 0)
                        return -ENOMEM;
        }
        r = config_merge(&i->properties, &q->properties, false);
        if (r < 0)
                return r;
        return q->profiles && q->profiles[0] ? strv_copy(q->profiles, &i->profiles) : strv_extend(&i->profiles, "default");
}

/* Aliases and the row's "created" in one transaction: either all of it shows or nothing. */
static int commit_rows(Manager *m, const ImportRequest *q, const ImageRecord *i, sd_bus_error *error) {
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r = db_begin(m->db);

        if (r < 0)
                return r;
        transaction = m->db;
        for (size_t k = 0; k < q->aliases.n; k++) {
                r = db_alias_insert(m->db, q->project, q->aliases.items[k].name, strempty(q->aliases.items[k].description), i->id);
                if (r == -EEXIST)
                        return bus_error_set(error, LXD_ERROR_EXISTS, "Alias \"%s\" already exists", q->aliases.items[k].name);
                if (r < 0)
                        return r;
        }
        r = db_image_set_state(m->db, i->id, IMAGE_CREATED);
        crash_point("import-before-commit");
        r = r < 0 ? r : db_commit(m->db);
        if (r >= 0)
                transaction = NULL;
        return r;
}

/* Removes the files unless another project has the same image. */
static void undo_files(Manager *m, const ImageRecord *i) {
        if (db_image_count(m->db, i->fingerprint, i->id) == 0)
                (void) store_remove(m->images_fd, i->fingerprint);
}

static int import_commit(ImportJob *j, const Config *results, sd_bus_error *error) {
        _cleanup_(image_record_done) ImageRecord i = {};
        Manager *m = j->manager;
        int r = make_record(&j->request, results, &i);

        if (r < 0)
                return bus_error_wrap(error, r, "The import worker's report cannot be used");
        r = db_image_insert(m->db, &i);
        if (r == -EEXIST)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Image with same fingerprint already exists");
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record the image");

        /* From here on a kill leaves a pending row, by which the next start finds the files. */
        crash_point("import-recorded");
        r = 0;
        if (db_image_count(m->db, i.fingerprint, i.id) == 0 || !store_has(m->images_fd, i.fingerprint, i.format))
                r = store_publish(m->images_fd, i.fingerprint, j->metadata_fd, streq(i.format, "split") ? j->rootfs_fd : -EBADF);
        crash_point("import-published");
        if (r >= 0)
                r = commit_rows(m, &j->request, &i, error);
        crash_point("import-committed");
        if (r < 0) {
                undo_files(m, &i);
                (void) db_image_delete(m->db, i.id);
                return bus_error_wrap(error, r, "Failed to add the image to the store");
        }

        (void) operation_set_metadata(j->operation, "fingerprint", i.fingerprint);
        (void) operation_set_metadata(j->operation, "size", config_get(results, "size"));
        manager_image_appeared(m, i.project, i.fingerprint);
        manager_image_event(m, i.project, "image-created", i.fingerprint, "type", i.type, &j->request.who, j->operation);
        return 0;
}

static void on_import_done(Worker *w, int r, const sd_bus_error *e, const Config *results, void *userdata) {
        _cleanup_(import_job_freep) ImportJob *j = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        j->worker = NULL; /* freed by its own when this returns */
        if (r >= 0) {
                r = import_commit(j, results, &error);
                e = &error;
        }
        operation_finish(j->operation, r, r < 0 && r != -ECANCELED ? e : NULL);
}

static void on_import_cancel(Operation *o, void *userdata) {
        ImportJob *j = userdata;

        worker_cancel(j->worker);
}

static int import_spawn(ImportJob *j) {
        static const WorkerCallbacks callbacks = { .done = on_import_done };
        char size[32];

        (void) snprintf(size, sizeof(size), "%" PRIu64, j->request.size);
        return worker_spawn(j->manager->event,
                            (char *[]) { (char *) "lxd-image-worker", (char *) "import", j->request.content_type, j->request.fingerprint, size, NULL },
                            (int[]) { j->request.stream, j->metadata_fd, j->rootfs_fd }, 3, &callbacks, j, &j->worker);
}

static int import_open_files(ImportJob *j, sd_bus_error *error) {
        j->metadata_fd = store_new_file(j->manager->images_fd);
        if (j->metadata_fd >= 0)
                j->rootfs_fd = store_new_file(j->manager->images_fd);
        if (j->metadata_fd < 0 || j->rootfs_fd < 0) {
                int r = j->metadata_fd < 0 ? j->metadata_fd : j->rootfs_fd;

                return bus_error_set(error, bus_error_from_errno(r), "Failed to make a file in the image store (%s/images): %s", LXD_STATE_DIR, strerror(-r));
        }
        return 0;
}

int import_start(Manager *m, ImportRequest *q, Operation **ret, sd_bus_error *error) {
        _cleanup_(import_job_freep) ImportJob *j = calloc(1, sizeof(*j));
        int r;

        if (!j)
                return -ENOMEM;
        *j = (ImportJob) { .manager = m, .request = *q, .metadata_fd = -EBADF, .rootfs_fd = -EBADF, .next = m->imports };
        *q = (ImportRequest) {};
        m->imports = j;

        r = check_request(m, &j->request, error);
        if (r >= 0)
                r = import_open_files(j, error);
        if (r >= 0)
                r = operation_new(m->operations, "task", "Downloading image", j->request.project, &j->request.who, &j->operation, error);
        if (r < 0)
                return r;
        r = import_spawn(j);
        if (r < 0) {
                (void) bus_error_set(error, LXD_ERROR_FAILED, "Failed to start the import worker: %s", strerror(-r));
                operation_finish(j->operation, r, error);
                return r;
        }
        j->request.stream = close_safe(j->request.stream); /* the worker's alone: when it ends, the writer must see that */
        operation_set_cancel(j->operation, on_import_cancel, j);
        *ret = j->operation;
        TAKE_PTR(j);
        return 0;
}
