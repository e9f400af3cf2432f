/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of tasks: locks, steps, undo, answers. */
#include "task.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "bus-error.h"
#include "layout.h"
#include "log.h"
#include "crash.h"

#define TASKS_RUNNING_MAX 64 /* each may have a process */

int task_new(Manager *m, const TaskKind *kind, Task **ret) {
        Task *t = calloc(1, sizeof(Task));

        if (!t)
                return -ENOMEM;
        *t = (Task) { .manager = m, .kind = kind, .fds = { -EBADF, -EBADF }, .document = -EBADF };
        *ret = t;
        return 0;
}

Task *task_free(Task *t) {
        if (!t)
                return NULL;
        worker_free(t->worker);
        task_free(t->then);
        for (size_t i = 0; i < t->n_locks; i++)
                free(t->locks[i].key);
        sd_bus_error_free(&t->error);
        sd_bus_message_unref(t->message);
        requestor_done(&t->who);
        config_done(&t->results);
        config_done(&t->used_by);
        config_done(&t->config);
        pool_done(&t->pool);
        pool_done(&t->source_pool);
        volume_done(&t->volume);
        volume_done(&t->source);
        snapshot_done(&t->snapshot);
        free(t->pool_name);
        free(t->source_pool_name);
        free(t->new_name);
        free(t->description);
        free(t->holder);
        free(t->format);
        free(t->etag);
        close_safe(t->document);
        strv_free(t->names);
        strv_free(t->paths);
        close_safe(t->fds[0]);
        close_safe(t->fds[1]);
        free(t);
        return NULL;
}

/* ---- locks ---- */

int task_lock(Task *t, bool exclusive, const char *format, ...) {
        va_list ap;
        int r;

        assert(t->n_locks < TASK_LOCKS_MAX);
        va_start(ap, format);
        r = str_vformat(&t->locks[t->n_locks].key, format, ap);
        va_end(ap);
        if (r < 0)
                return r;
        t->locks[t->n_locks++].exclusive = exclusive;
        return 0;
}

int task_lock_pool(Task *t, bool exclusive, const char *pool) {
        return task_lock(t, exclusive, "pool %s", pool);
}

int task_lock_volume(Task *t, bool exclusive, const char *pool, const char *type, const char *project,
                     const char *name) {
        return task_lock(t, exclusive, "volume %s/%s/%s/%s", pool, type, project, name);
}

static bool tasks_conflict(const Task *a, const Task *b) {
        for (size_t i = 0; i < a->n_locks; i++)
                for (size_t k = 0; k < b->n_locks; k++)
                        if ((a->locks[i].exclusive || b->locks[k].exclusive) &&
                            streq(a->locks[i].key, b->locks[k].key))
                                return true;
        return false;
}

/* ---- the end of a task ---- */

static void task_unlink(Task *t) {
        for (Task **p = &t->manager->tasks; *p; p = &(*p)->next)
                if (*p == t) {
                        *p = t->next;
                        return;
                }
}

static int task_send_reply(Task *t) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        if (t->result < 0)
                return sd_bus_reply_method_error(t->message, &t->error);
        r = sd_bus_message_new_method_return(t->message, &reply);
        if (r >= 0 && t->kind->reply)
                r = t->kind->reply(t, reply);
        if (r < 0) {
                (void) bus_error_wrap(&t->error, r, "Failed to %s", t->kind->name);
                return sd_bus_reply_method_error(t->message, &t->error);
        }
        return sd_bus_send(NULL, reply, NULL);
}

static void task_schedule(Manager *m);

static void task_append(Manager *m, Task *t) {
        Task **tail = &m->tasks;

        while (*tail)
                tail = &(*tail)->next;
        *tail = t;
        daemon_hold(m->daemon);
}

static void task_finish(Task *t) {
        Task *then = TAKE_PTR(t->then);
        Manager *m = t->manager;
        LogFields fields = { .pool = t->pool_name, .project = t->volume.project, .volume = t->volume.name };
        int r;

        if (t->result < 0) {
                (void) bus_error_ensure(&t->error, t->result);
                log_at(t->message ? LOG_DEBUG : LOG_WARNING, t->result, &fields, "%s: %s", t->kind->name, t->error.message);
        }
        if (t->message) {
                r = task_send_reply(t);
                if (r < 0)
                        log_debug_errno(r, "Failed to answer: %m");
        }
        if (t->operation)
                operation_finish(t->operation, t->result, t->result < 0 ? &t->error : NULL);
        if (then && t->result >= 0)
                task_append(m, then);
        else if (then) {
                then->result = t->result;
                sd_bus_error_move(&then->error, &t->error);
                daemon_hold(m->daemon);
                task_finish(then);
        }
        task_unlink(t);
        task_free(t);
        daemon_release(m->daemon);
        task_schedule(m);
}

/* ---- steps ---- */

/* After a failure: on to undoing, or to the end. True = go on with steps. */
static bool task_fail(Task *t, int r, sd_bus_error *e) {
        if (t->undoing) {
                LogFields fields = { .pool = t->pool_name, .volume = t->volume.name };

                (void) bus_error_ensure(e, r);
                log_at(LOG_ERR, r, &fields, "Failed to undo %s, will be tried again at the next start: %s",
                       t->kind->name, e->message);
                sd_bus_error_free(e);
                return false;
        }
        (void) bus_error_ensure(e, r);
        sd_bus_error_move(&t->error, e);
        t->result = r;
        if (!t->dirty || !t->kind->undo)
                return false;
        t->undoing = true;
        t->step = 0;
        return true;
}

static void task_advance(Task *t) {
        for (;;) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                task_step_t step = (t->undoing ? t->kind->undo : t->kind->steps)[t->step];
                int r;

                if (!step || (t->settled && !t->undoing))
                        break;
                r = step(t, &e);
                if (r > 0)
                        return;
                if (r == 0)
                        t->step++;
                else if (!task_fail(t, r, &e))
                        break;
        }
        task_finish(t);
}

void task_restart(Task *t) {
        t->step = (size_t) -1; /* the step that returns now makes it 0 */
}

void task_resume(Task *t, int r, const sd_bus_error *e) {
        _cleanup_(sd_bus_error_free) sd_bus_error copy = SD_BUS_ERROR_NULL;

        if (r >= 0)
                t->step++;
        else {
                if (e && sd_bus_error_is_set(e))
                        (void) sd_bus_error_copy(&copy, e);
                if (!task_fail(t, r, &copy)) {
                        task_finish(t);
                        return;
                }
        }
        task_advance(t);
}

/* ---- the queue ---- */

static Task *task_next_runnable(Manager *m) {
        unsigned running = 0;

        for (Task *t = m->tasks; t; t = t->next)
                running += t->started;
        if (running >= TASKS_RUNNING_MAX)
                return NULL;
        for (Task *t = m->tasks; t; t = t->next) {
                bool blocked = false;

                if (t->started)
                        continue;
                /* All that came earlier goes first, whether it runs or waits: nobody is overtaken for ever. */
                for (Task *before = m->tasks; before != t && !blocked; before = before->next)
                        blocked = tasks_conflict(before, t);
                if (!blocked)
                        return t;
        }
        return NULL;
}

static void task_schedule(Manager *m) {
        Task *t;

        if (m->scheduling)
                return; /* a task ended inside of task_advance() below: the loop looks again anyway */
        m->scheduling = true;
        while ((t = task_next_runnable(m))) {
                t->started = true;
                task_advance(t);
        }
        m->scheduling = false;
}

int task_submit(Task *t, sd_bus_message *m) {
        Manager *manager = t->manager;

        t->message = sd_bus_message_ref(m);
        task_append(manager, t);
        task_schedule(manager);
        return 1;
}

int task_submit_operation(Task *t, sd_bus_message *m, Operation *operation, sd_bus_error *error) {
        int r;

        t->operation = operation;
        r = operation_reply(operation, m);
        if (r < 0)
                log_debug_errno(r, "Failed to answer with the operation: %m"); /* the work is done all the same */
        return task_submit(t, NULL);
}

/* ---- workers ---- */

int argument_add(Strv *arguments, const char *key, const char *value) {
        return argument_addf(arguments, key, "%s", value);
}

int argument_addf(Strv *arguments, const char *key, const char *format, ...) {
        _cleanup_free_ char *value = NULL, *argument = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = str_vformat(&value, format, ap);
        va_end(ap);
        if (r >= 0)
                r = str_format(&argument, "%s=%s", key, value);
        return r < 0 ? r : strv_extend(arguments, argument);
}

static void on_worker_report(Worker *w, const char *key, const char *value, void *userdata) {
        Task *t = userdata;
        uint32_t percent;

        if (t->operation && streq(key, "progress") && parse_u32(value, &percent) >= 0)
                (void) operation_progress(t->operation, "progress", percent, 0);
}

static void on_worker_done(Worker *w, int r, const sd_bus_error *e, const Config *results, void *userdata) {
        Task *t = userdata;

        t->worker = NULL;
        config_done(&t->results);
        if (r >= 0)
                r = config_copy(results, &t->results);
        task_resume(t, r, e);
}

static int worker_arguments(Task *t, const char *verb, const Pool *pool, char *const *arguments, Strv *ret) {
        const StorageDriver *d = driver_find(pool->driver);
        _cleanup_strv_free_ Strv argv = NULL;
        _cleanup_free_ char *path = NULL;
        uint64_t size = driver_volume_quota(&pool->config);
        int r;

        r = layout_pool(t->manager->state_dir, pool->name, &path);
        if (r >= 0)
                r = strv_extend(&argv, "lxd-storage-worker");
        if (r >= 0)
                r = strv_extend(&argv, verb);
        if (r >= 0)
                r = argument_add(&argv, "driver", pool->driver);
        if (r >= 0)
                r = argument_add(&argv, "pool", pool->name);
        if (r >= 0)
                r = argument_add(&argv, "path", path);
        if (r >= 0)
                r = argument_add(&argv, "source", config_get_or(&pool->config, "source", ""));
        if (r >= 0)
                r = argument_add(&argv, "state-dir", t->manager->state_dir);
        if (r >= 0)
                r = argument_add(&argv, "uuid", pool->uuid);
        if (r >= 0)
                r = argument_add(&argv, "options", d ? d->pool_mount_options(pool) : "");
        if (r >= 0)
                r = argument_addf(&argv, "size", "%" PRIu64, size);
        STRV_FOREACH(a, arguments)
                if (r >= 0)
                        r = strv_extend(&argv, *a);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

int task_worker(Task *t, const char *verb, const Pool *pool, char *const *arguments, const int *fds, size_t n_fds,
                sd_bus_error *error) {
        static const WorkerCallbacks callbacks = { on_worker_report, on_worker_done };
        _cleanup_strv_free_ Strv argv = NULL;
        int r;

        crash_point("before-worker");
        r = worker_arguments(t, verb, pool, arguments, &argv);
        if (r >= 0)
                r = worker_run(daemon_event(t->manager->daemon), &t->manager->waiting, argv, fds, n_fds, &callbacks, t, &t->worker);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to start the storage worker");
        r = db_sync(t->manager->db); /* the row that says what the worker is about to do, while it begins */
        if (r < 0) {
                t->worker = worker_free(t->worker);
                return bus_error_wrap(error, r, "Failed to write to the database");
        }
        return 1;
}

/* ---- common steps ---- */

static int pool_load(Task *t, const char *name, Pool *ret, sd_bus_error *error) {
        _cleanup_(pool_done) Pool p = {};
        int r;

        r = db_pool_get(t->manager->db, name, &p);
        if (r == -ENOENT || (r >= 0 && !row_is_visible(p.state)))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage pool not found");
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to read storage pool \"%s\"", name);
        pool_done(ret);
        *ret = p;
        p = (Pool) {};
        return 0;
}

int step_forget_failure(Task *t, sd_bus_error *error) {
        sd_bus_error_free(&t->error);
        t->result = 0;
        return 0;
}

int step_pool_load(Task *t, sd_bus_error *error) {
        return pool_load(t, t->pool_name, &t->pool, error);
}

int step_source_pool_load(Task *t, sd_bus_error *error) {
        return t->source_pool_name ? pool_load(t, t->source_pool_name, &t->source_pool, error) : 0;
}

static int pool_mount(Task *t, const Pool *pool, sd_bus_error *error) {
        const StorageDriver *d = driver_find(pool->driver);
        _cleanup_free_ char *path = NULL;
        struct statx st;
        int r;

        if (!d)
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Storage pool \"%s\" needs driver \"%s\", which is not there",
                                     pool->name, pool->driver);
        if (!d->pool_needs_mount(t->manager->state_dir, pool))
                return 0;
        r = layout_pool(t->manager->state_dir, pool->name, &path);
        if (r < 0)
                return r;
        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &st) >= 0 &&
            (st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
                return 0;
        return task_worker(t, "pool-mount", pool, NULL, NULL, 0, error);
}

int step_pool_mount(Task *t, sd_bus_error *error) {
        return pool_mount(t, &t->pool, error);
}

int step_source_pool_mount(Task *t, sd_bus_error *error) {
        return t->source_pool_name ? pool_mount(t, &t->source_pool, error) : 0;
}

int step_volume_load(Task *t, sd_bus_error *error) {
        _cleanup_(volume_done) Volume v = {};
        int r;

        r = db_volume_get(t->manager->db, t->pool.id, t->volume.type, t->volume.project, t->volume.name, &v);
        if (r == -ENOENT || (r >= 0 && !row_is_visible(v.state)))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage pool volume not found");
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to read storage volume \"%s\"", t->volume.name);
        volume_done(&t->volume);
        t->volume = v;
        v = (Volume) {};
        return 0;
}

int task_find_volume(Task *t) {
        _cleanup_(volume_done) Volume v = {};
        int r;

        r = db_pool_get(t->manager->db, t->pool_name, &t->pool);
        if (r >= 0)
                r = db_volume_get(t->manager->db, t->pool.id, t->volume.type, t->volume.project, t->volume.name, &v);
        if (r < 0)
                return r;
        volume_done(&t->volume);
        t->volume = v;
        v = (Volume) {};
        return 0;
}

int step_volume_reload(Task *t, sd_bus_error *error) {
        int64_t id = t->volume.id;

        volume_done(&t->volume);
        return db_volume_get_by_id(t->manager->db, id, &t->volume);
}

/* ---- who uses what ---- */

static int references_read(sd_bus_message *m, Config *ret) {
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sas}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sas")) > 0) {
                _cleanup_strv_free_ Strv urls = NULL;
                _cleanup_free_ char *text = NULL;

                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = bus_read_strv(m, &urls);
                if (r >= 0)
                        r = strv_join(urls, "\n", &text);
                if (r >= 0)
                        r = config_set(ret, key, text);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static void on_references(sd_bus_message *m, const sd_bus_error *error, void *userdata) {
        Task *t = userdata;
        int r;

        config_done(&t->used_by);
        if (error && t->tolerant) {
                log_warning("lxd-instanced does not say who uses the storage: %s", strempty(error->message));
                task_resume(t, 0, NULL);
                return;
        }
        if (error) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;

                r = bus_error_set(&e, LXD_ERROR_UNAVAILABLE, "Failed to ask lxd-instanced who uses the storage: %s",
                                  strempty(error->message));
                task_resume(t, r, &e);
                return;
        }
        task_resume(t, references_read(m, &t->used_by), NULL);
}

static int references_ask(Task *t, const char *kind, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        BusPeer *peer = t->manager->instances;
        int r;

        r = bus_peer_message(peer, &m, "/org/lxd/instance1", LXD_BUS_PREFIX ".instance1.References", "GetUsedBy");
        if (r >= 0)
                r = sd_bus_message_append(m, "st", kind, (uint64_t) 0);
        if (r >= 0)
                r = bus_peer_call(peer, m, on_references, t);
        if (r < 0 && t->tolerant)
                return 0;
        return r < 0 ? bus_error_wrap(error, r, "Failed to ask lxd-instanced who uses the storage") : 1;
}

int step_references_volume(Task *t, sd_bus_error *error) {
        return references_ask(t, "volume", error);
}

int step_references_pool(Task *t, sd_bus_error *error) {
        return references_ask(t, "pool", error);
}

static void on_renamed(sd_bus_message *m, const sd_bus_error *error, void *userdata) {
        task_resume(userdata, error ? -sd_bus_error_get_errno(error) ?: -EIO : 0, error);
}

int task_move_references(Task *t, const char *pool, const char *name, const char *new_pool, const char *new_name, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        BusPeer *peer = t->manager->instances;
        int r;

        r = bus_peer_message(peer, &m, "/org/lxd/instance1", LXD_BUS_PREFIX ".instance1.References", "RenameVolume");
        if (r >= 0)
                r = sd_bus_message_append(m, "ssssst", pool, t->volume.project, name, new_pool, new_name, (uint64_t) 0);
        if (r >= 0)
                r = bus_peer_call(peer, m, on_renamed, t);
        return r < 0 ? bus_error_wrap(error, r, "Failed to tell lxd-instanced of the volume's new pool and name") : 1;
}

int task_used_by(Task *t, const char *key, Strv *ret) {
        const char *text = config_get(&t->used_by, key);

        return text ? strv_split(text, "\n", ret) : 0;
}

int task_refuse_held(Task *t, const Volume *v, const char *what, sd_bus_error *error) {
        _cleanup_strv_free_ Strv holders = NULL;
        _cleanup_free_ char *text = NULL;
        const char *reader;
        int r;

        r = db_holder_list(t->manager->db, v->id, &holders);
        if (r < 0)
                return r;
        if (!holders || !holders[0])
                return 0;
        reader = startswith(holders[0], "files-"); /* lxd-instanced's name for short access to the files of an instance */
        if (reader && !holders[1])
                return bus_error_set(error, LXD_ERROR_LOCKED, "%s: files of %s volume \"%s\" are being read or written; try again when that has ended",
                                     what, v->type, v->name);
        r = strv_join(holders, ", ", &text);
        if (r < 0)
                return r;
        return bus_error_set(error, LXD_ERROR_LOCKED, "%s: %s volume \"%s\" is mounted by the running instance with id %s; stop it first",
                             what, v->type, v->name, text);
}
