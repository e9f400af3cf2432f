/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of file access: a few lxd-file-worker processes, calls handed to those that are free. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/file.h"
#include "bus-error.h"
#include "guest-files.h"
#include "guest-worker.h"
#include "json-write.h"

#define WORKERS_MAX 16
#define IDLE_TIME (3 * USEC_PER_SEC)
#define NAMES_MAX (32 * 1024 * 1024)

typedef struct FileCall FileCall;
struct FileCall {
        FileCall *next;
        GuestMessage message;   /* owns its descriptors */
        bool wants_file;
        guest_files_reply_t callback;
        void *userdata;
};

typedef struct FileWorker FileWorker;
struct FileWorker {
        FileWorker *next;
        GuestFiles *files;
        FileCall *call;         /* NULL = free */
        int fd;
        pid_t pid;
        sd_event_source *io, *child;
};

struct GuestFiles {
        sd_event *event;
        FileWorker *workers;
        size_t n_workers;
        FileCall *queue, **queue_end;
        unsigned n_pending;
        sd_event_source *idle;
};

static FileCall *file_call_free(FileCall *c) {
        if (!c)
                return NULL;
        guest_message_done(&c->message);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(FileCall, file_call_free)

/* The process ends when its socket closes; one that is busy is killed. Its end is collected by the event source that stays. */
static void file_worker_free(FileWorker *w) {
        if (w->call)
                (void) kill(w->pid, SIGKILL);
        sd_event_source_disable_unref(w->io);
        closep(&w->fd);
        file_call_free(w->call);
        if (w->child)
                (void) sd_event_source_set_userdata(w->child, NULL);
        sd_event_source_unref(w->child);
        free(w);
}

static void files_remove_worker(GuestFiles *f, FileWorker *w) {
        for (FileWorker **p = &f->workers; *p; p = &(*p)->next)
                if (*p == w) {
                        *p = w->next;
                        f->n_workers--;
                        file_worker_free(w);
                        return;
                }
}

int guest_files_new(sd_event *event, GuestFiles **ret) {
        GuestFiles *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        f->event = sd_event_ref(event);
        f->queue_end = &f->queue;
        *ret = f;
        return 0;
}

GuestFiles *guest_files_free(GuestFiles *f) {
        if (!f)
                return NULL;
        while (f->workers)
                files_remove_worker(f, f->workers);
        while (f->queue) {
                FileCall *c = f->queue;

                f->queue = c->next;
                file_call_free(c);
        }
        sd_event_source_disable_unref(f->idle);
        sd_event_unref(f->event);
        free(f);
        return NULL;
}

unsigned guest_files_pending(GuestFiles *f) {
        return f->n_pending;
}

/* Bytes that are no UTF-8 are left to the JSON writer, which makes them visible. */
static int directory_document(int names) {
        _cleanup_free_ char *text = NULL;
        JsonWriter w = {};
        size_t n;
        int r;

        r = fd_read_all(names, NAMES_MAX, &text, &n);
        if (r < 0)
                return r;
        json_document_begin(&w);
        json_array_begin(&w, NULL);
        for (size_t i = 0; i < n; i += strlen(text + i) + 1)
                json_string(&w, NULL, text + i);
        json_array_end(&w);
        return json_document_finish(&w);
}

static int call_read_file(GuestMessage *m, GuestFile *ret) {
        uint64_t uid = 0, gid = 0, mode = 0, modified = 0;
        _cleanup_close_ int content = guest_message_take_fd(m, 0);
        GuestFile f = { .type = guest_message_get(m, "type") };

        if (content < 0 || !f.type || guest_message_get_u64(m, "uid", &uid) < 0 || guest_message_get_u64(m, "gid", &gid) < 0 ||
            guest_message_get_u64(m, "mode", &mode) < 0)
                return -EBADMSG;
        (void) guest_message_get_u64(m, "modified", &modified);
        f.uid = (uid_t) uid;
        f.gid = (gid_t) gid;
        f.mode = (mode_t) mode;
        f.modified = modified;
        if (streq(f.type, "directory")) {
                f.content = directory_document(content);
                if (f.content < 0)
                        return f.content;
        } else
                f.content = TAKE_FD(content);
        *ret = f;
        return 0;
}

/* Hands the answer to the caller. */
static void call_finish(FileCall *c, int q, GuestMessage *m) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        GuestFile file = { .content = -EBADF };
        int r = 0;

        if (q == 0)
                r = bus_error_set(&error, LXD_ERROR_FAILED, "The file worker was killed");
        else if (q < 0)
                r = bus_error_set(&error, LXD_ERROR_FAILED, "Failed to read the answer of the file worker: %s", strerror(-q));
        else if (!streq(guest_message_verb(m), "ok"))
                r = bus_error_set(&error, guest_message_get(m, "name") ?: LXD_ERROR_FAILED, "%s",
                                  strempty(guest_message_get(m, "text")));
        else if (c->wants_file) {
                r = call_read_file(m, &file);
                if (r < 0)
                        bus_error_ensure(&error, r);
        }
        c->callback(r, r < 0 ? &error : NULL, r >= 0 && c->wants_file ? &file : NULL, c->userdata);
}

static void files_run_queue(GuestFiles *f);

static int worker_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        _cleanup_(file_call_freep) FileCall *c = NULL;
        _cleanup_message_ GuestMessage m = {};
        FileWorker *w = userdata;
        GuestFiles *f = w->files;
        int q;

        q = guest_message_receive(w->fd, &m);
        if (q == -EAGAIN)
                return 0;
        c = TAKE_PTR(w->call);
        if (q <= 0)
                files_remove_worker(f, w);
        if (c) {
                f->n_pending--;
                files_run_queue(f); /* first, so that the caller may free f */
                call_finish(c, q, &m);
        }
        return 0;
}

static int worker_exited(sd_event_source *s, const siginfo_t *si, void *userdata) {
        FileWorker *w = userdata;

        /* Its socket has said all that matters; this only collects it, and gives up the source's own reference. */
        (void) sd_event_source_set_floating(s, false);
        if (w)
                w->child = sd_event_source_unref(s);
        return 0;
}

static int worker_new(GuestFiles *f, FileWorker **ret) {
        _cleanup_free_ FileWorker *w = calloc(1, sizeof(*w));
        _cleanup_close_ int ours = -EBADF;
        int r;

        if (!w)
                return -ENOMEM;
        r = guest_worker_start("file-worker", NULL, &ours, &w->pid);
        if (r < 0)
                return r;
        r = sd_event_add_io(f->event, &w->io, ours, EPOLLIN, worker_readable, w);
        if (r >= 0) {
                r = sd_event_add_child(f->event, &w->child, w->pid, WEXITED, worker_exited, w);
                if (r >= 0)
                        (void) sd_event_source_set_floating(w->child, true); /* it outlives us until the process is collected */
        }
        if (r < 0) {
                sd_event_source_disable_unref(w->io);
                (void) kill(w->pid, SIGKILL);
                return r;
        }
        w->fd = TAKE_FD(ours);
        w->files = f;
        w->next = f->workers;
        f->workers = w;
        f->n_workers++;
        *ret = TAKE_PTR(w);
        return 0;
}

static int files_idle(sd_event_source *s, uint64_t usec, void *userdata) {
        GuestFiles *f = userdata;

        for (FileWorker *w = f->workers, *next; w; w = next) {
                next = w->next;
                if (!w->call)
                        files_remove_worker(f, w);
        }
        return 0;
}

static void files_arm_idle(GuestFiles *f) {
        uint64_t now;

        if (sd_event_now(f->event, CLOCK_MONOTONIC, &now) < 0)
                return;
        if (f->idle) {
                (void) sd_event_source_set_time(f->idle, now + IDLE_TIME);
                (void) sd_event_source_set_enabled(f->idle, SD_EVENT_ONESHOT);
        } else
                (void) sd_event_add_time(f->event, &f->idle, CLOCK_MONOTONIC, now + IDLE_TIME, 0, files_idle, f);
}

static FileWorker *files_free_worker(GuestFiles *f) {
        FileWorker *w;

        for (w = f->workers; w; w = w->next)
                if (!w->call)
                        return w;
        return f->n_workers < WORKERS_MAX && worker_new(f, &w) >= 0 ? w : NULL;
}

/* Gives waiting calls to free workers. With no worker at all (no process can be made) the first call is told so. */
static void files_run_queue(GuestFiles *f) {
        while (f->queue) {
                FileWorker *w = files_free_worker(f);
                FileCall *c = f->queue;

                if (!w)
                        break;
                f->queue = c->next;
                if (!f->queue)
                        f->queue_end = &f->queue;
                w->call = c;
                if (guest_message_send(w->fd, &c->message) < 0)
                        (void) shutdown(w->fd, SHUT_RDWR); /* worker_readable() sees the end */
                for (size_t i = 0; i < c->message.n_fds; i++)
                        closep(&c->message.fds[i]); /* the worker has its own */
        }
        files_arm_idle(f);
}

static int message_take_dup(GuestMessage *m, int fd) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), r;

        if (copy < 0)
                return -errno;
        r = guest_message_add_fd(m, copy);
        if (r < 0)
                (void) close(copy);
        return r;
}

static int call_new(const char *verb, const GuestRoot *root, const char *path, guest_files_reply_t callback, void *userdata,
                    FileCall **ret) {
        _cleanup_(file_call_freep) FileCall *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->callback = callback;
        c->userdata = userdata;
        r = guest_message_begin(&c->message, verb);
        c->message.owns_fds = true;
        if (r >= 0)
                r = guest_message_add(&c->message, "path", path);
        if (r >= 0)
                r = guest_message_add_all(&c->message, "idmap", root->idmap);
        if (r >= 0)
                r = message_take_dup(&c->message, root->root_fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

static int call_submit(GuestFiles *f, FileCall *c, sd_bus_error *error) {
        FileWorker *w;

        /* At least one worker has to be there, or nobody would ever look at the queue. */
        if (f->n_workers == 0) {
                int r = worker_new(f, &w);

                if (r < 0) {
                        file_call_free(c);
                        return bus_error_set(error, LXD_ERROR_FAILED, "Failed to start lxd-file-worker: %s", strerror(-r));
                }
        }
        *f->queue_end = c;
        f->queue_end = &c->next;
        f->n_pending++;
        files_run_queue(f);
        return 0;
}

static int path_check(const char *path, sd_bus_error *error) {
        if (isempty(path))
                return bus_error_set(error, LXD_ERROR_INVALID, "Missing path argument");
        if (strlen(path) >= PATH_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The path is too long");
        return 0;
}

int guest_files_get(GuestFiles *f, const GuestRoot *root, const char *path, guest_files_reply_t callback, void *userdata,
                    sd_bus_error *error) {
        FileCall *c;
        int r;

        r = path_check(path, error);
        if (r < 0)
                return r;
        r = call_new("get", root, path, callback, userdata, &c);
        if (r < 0)
                return bus_error_ensure(error, r);
        c->wants_file = true;
        return call_submit(f, c, error);
}

int guest_files_delete(GuestFiles *f, const GuestRoot *root, const char *path, guest_files_reply_t callback, void *userdata,
                       sd_bus_error *error) {
        FileCall *c;
        int r;

        r = path_check(path, error);
        if (r < 0)
                return r;
        r = call_new("delete", root, path, callback, userdata, &c);
        return r < 0 ? bus_error_ensure(error, r) : call_submit(f, c, error);
}

static int put_check(const GuestFilePut *put, sd_bus_error *error) {
        int r = path_check(put->path, error);

        if (r < 0)
                return r;
        if (!isempty(put->type) && !streq(put->type, "file") && !streq(put->type, "directory") && !streq(put->type, "symlink"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad file type: %s", put->type);
        if (!isempty(put->write) && !streq(put->write, "overwrite") && !streq(put->write, "append"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad file write mode: %s", put->write);
        if (put->uid > UINT32_MAX || put->gid > UINT32_MAX || put->mode > 07777)
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad owner or mode for the file");
        return 0;
}

static int put_add_number(GuestMessage *m, const char *key, int64_t value) {
        return value < 0 ? 0 : guest_message_addf(m, key, "%" PRIi64, value);
}

int guest_files_put(GuestFiles *f, const GuestRoot *root, const GuestFilePut *put, guest_files_reply_t callback, void *userdata,
                    sd_bus_error *error) {
        _cleanup_(file_call_freep) FileCall *c = NULL;
        int r;

        r = put_check(put, error);
        if (r < 0)
                return r;
        r = call_new("put", root, put->path, callback, userdata, &c);
        if (r >= 0)
                r = guest_message_add(&c->message, "type", strempty(put->type));
        if (r >= 0)
                r = put_add_number(&c->message, "uid", put->uid);
        if (r >= 0)
                r = put_add_number(&c->message, "gid", put->gid);
        if (r >= 0)
                r = put_add_number(&c->message, "mode", put->mode);
        if (r >= 0 && streq_ptr(put->write, "append"))
                r = guest_message_add(&c->message, "append", "1");
        if (r >= 0 && put->content >= 0)
                r = message_take_dup(&c->message, put->content);
        if (r < 0)
                return bus_error_ensure(error, r);
        return call_submit(f, TAKE_PTR(c), error);
}
