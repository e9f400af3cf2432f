/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the processes of file and template workers. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "guest-worker.h"

#define REQUEST_FD 3
#define IDLE_TIME (3 * USEC_PER_SEC)

typedef struct GuestWorker GuestWorker;
struct GuestWorker {
        GuestWorker *next;
        GuestWorkers *workers;
        GuestWorkerCall *call;        /* NULL = free */
        int fd;
        pid_t pid;
        sd_event_source *io, *child, *late;
};

struct GuestWorkers {
        sd_event *event;
        const GuestWorkersKind *kind;
        GuestWorker *list;
        size_t n;
        GuestWorkerCall *queue, **queue_end;
        unsigned n_pending;
        sd_event_source *idle;
};

GuestWorkerCall *guest_worker_call_free(GuestWorkerCall *c) {
        if (!c)
                return NULL;
        guest_message_done(&c->message);
        free(c);
        return NULL;
}

/* Unless it has been collected: its number may be somebody else's. */
static void worker_kill(GuestWorker *w) {
        if (w->child)
                (void) kill(w->pid, SIGKILL);
}

/* The process ends when its socket closes; one that is busy is killed. Its end is collected by the event source that stays. */
static void worker_free(GuestWorker *w) {
        if (w->call)
                worker_kill(w);
        sd_event_source_disable_unref(w->io);
        sd_event_source_disable_unref(w->late);
        closep(&w->fd);
        guest_worker_call_free(w->call);
        if (w->child)
                (void) sd_event_source_set_userdata(w->child, NULL);
        sd_event_source_unref(w->child);
        free(w);
}

static void workers_remove(GuestWorkers *s, GuestWorker *w) {
        for (GuestWorker **p = &s->list; *p; p = &(*p)->next)
                if (*p == w) {
                        *p = w->next;
                        s->n--;
                        worker_free(w);
                        return;
                }
}

int guest_workers_new(sd_event *event, const GuestWorkersKind *kind, GuestWorkers **ret) {
        GuestWorkers *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        *s = (GuestWorkers) { .event = sd_event_ref(event), .kind = kind, .queue_end = &s->queue };
        *ret = s;
        return 0;
}

GuestWorkers *guest_workers_free(GuestWorkers *s) {
        if (!s)
                return NULL;
        while (s->list)
                workers_remove(s, s->list);
        while (s->queue) {
                GuestWorkerCall *c = s->queue;

                s->queue = c->next;
                guest_worker_call_free(c);
        }
        sd_event_source_disable_unref(s->idle);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}

unsigned guest_workers_pending(GuestWorkers *s) {
        return s->n_pending;
}

static void workers_run_queue(GuestWorkers *s);

/* Ends the worker's call; without an answer the worker, too. The caller may free the pool. */
static void worker_end_call(GuestWorker *w, int r, const sd_bus_error *e, GuestMessage *answer) {
        _cleanup_(guest_worker_call_freep) GuestWorkerCall *c = TAKE_PTR(w->call);
        GuestWorkers *s = w->workers;

        if (w->late)
                (void) sd_event_source_set_enabled(w->late, SD_EVENT_OFF);
        if (!answer || (r < 0 && s->kind->end_by_error)) {
                worker_kill(w);
                workers_remove(s, w);
        }
        if (!c)
                return;
        s->n_pending--;
        workers_run_queue(s);
        c->reply(c, r, e, r < 0 ? NULL : answer);
}

static int worker_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ GuestMessage m = {};
        GuestWorker *w = userdata;
        const char *name = w->workers->kind->name;
        int q, r = 0;

        q = guest_message_receive(w->fd, &m);
        if (q == -EAGAIN)
                return 0;
        if (q == 0)
                r = bus_error_set(&error, LXD_ERROR_FAILED, "The %s worker was killed", name);
        else if (q < 0)
                r = bus_error_set(&error, LXD_ERROR_FAILED, "Failed to read the answer of the %s worker: %s", name, strerror(-q));
        else if (!streq(guest_message_verb(&m), "ok"))
                r = bus_error_set(&error, guest_message_get(&m, "name") ?: LXD_ERROR_FAILED, "%s", strempty(guest_message_get(&m, "text")));
        worker_end_call(w, r, r < 0 ? &error : NULL, q > 0 ? &m : NULL);
        return 0;
}

static int worker_late(sd_event_source *source, uint64_t usec, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        GuestWorker *w = userdata;
        const GuestWorkersKind *kind = w->workers->kind;
        int r = bus_error_set(&error, LXD_ERROR_FAILED, "The %s worker took longer than %" PRIu64 " s and was killed", kind->name,
                              kind->call_usec / USEC_PER_SEC);

        worker_end_call(w, r, &error, NULL);
        return 0;
}

/* Without a timer it has all the time that it takes. */
static void worker_limit_time(GuestWorker *w) {
        const GuestWorkersKind *kind = w->workers->kind;

        if (kind->call_usec == 0)
                return;
        if (!w->late) {
                (void) sd_event_add_time_relative(w->workers->event, &w->late, CLOCK_MONOTONIC, kind->call_usec, 0, worker_late, w);
                return;
        }
        (void) sd_event_source_set_time_relative(w->late, kind->call_usec);
        (void) sd_event_source_set_enabled(w->late, SD_EVENT_ONESHOT);
}

static int worker_exited(sd_event_source *s, const siginfo_t *si, void *userdata) {
        GuestWorker *w = userdata;

        /* Its socket has said all that matters; this only collects it, and gives up the source's own reference. */
        (void) sd_event_source_set_floating(s, false);
        if (w)
                w->child = sd_event_source_unref(s);
        return 0;
}

static int worker_exec(const char *kind, int socket, pid_t *ret_pid) {
        _cleanup_free_ char *path = NULL;
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        char *argv[] = { NULL, NULL };
        sigset_t none, all;
        int r;

        r = str_format(&path, "%s/lxd-%s-worker", getenv("LXD_WORKER_DIR") ?: LXD_LIBEXEC_DIR, kind);
        if (r < 0)
                return r;
        argv[0] = path;
        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        (void) posix_spawnattr_init(&attributes);
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        (void) posix_spawnattr_setsigmask(&attributes, &none);
        (void) posix_spawnattr_setsigdefault(&attributes, &all);
        (void) posix_spawn_file_actions_init(&actions);
        (void) posix_spawn_file_actions_adddup2(&actions, socket, REQUEST_FD);
        r = -posix_spawn(ret_pid, path, &actions, &attributes, argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        (void) posix_spawnattr_destroy(&attributes);
        return r;
}

/* Starts the process with one end of a socket as fd 3; the other, which does not block, is ours. */
static int worker_start(const char *kind, int *ret_fd, pid_t *ret_pid) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, REQUEST_FD + 1); /* dup2() onto itself would keep close-on-exec */
        (void) close(pair[1]);
        if (theirs < 0)
                return -errno;
        r = worker_exec(kind, theirs, ret_pid);
        if (r < 0)
                return r;
        (void) fd_set_nonblock(ours, true);
        *ret_fd = TAKE_FD(ours);
        return 0;
}

static int worker_new(GuestWorkers *s, GuestWorker **ret) {
        _cleanup_free_ GuestWorker *w = calloc(1, sizeof(*w));
        _cleanup_close_ int ours = -EBADF;
        int r;

        if (!w)
                return -ENOMEM;
        r = worker_start(s->kind->name, &ours, &w->pid);
        if (r < 0)
                return r;
        r = sd_event_add_io(s->event, &w->io, ours, EPOLLIN, worker_readable, w);
        if (r >= 0) {
                r = sd_event_add_child(s->event, &w->child, w->pid, WEXITED, worker_exited, w);
                if (r >= 0)
                        (void) sd_event_source_set_floating(w->child, true); /* it outlives us until the process is collected */
        }
        if (r < 0) {
                sd_event_source_disable_unref(w->io);
                (void) kill(w->pid, SIGKILL);
                return r;
        }
        w->fd = TAKE_FD(ours);
        w->workers = s;
        w->next = s->list;
        s->list = w;
        s->n++;
        *ret = TAKE_PTR(w);
        return 0;
}

static int workers_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        GuestWorkers *s = userdata;

        for (GuestWorker *w = s->list, *next; w; w = next) {
                next = w->next;
                if (!w->call)
                        workers_remove(s, w);
        }
        if (s->queue)
                workers_run_queue(s);
        return 0;
}

static void workers_arm_idle(GuestWorkers *s) {
        uint64_t now;

        if (sd_event_now(s->event, CLOCK_MONOTONIC, &now) < 0)
                return;
        if (s->idle) {
                (void) sd_event_source_set_time(s->idle, now + IDLE_TIME);
                (void) sd_event_source_set_enabled(s->idle, SD_EVENT_ONESHOT);
        } else
                (void) sd_event_add_time(s->event, &s->idle, CLOCK_MONOTONIC, now + IDLE_TIME, 0, workers_idle, s);
}

static GuestWorker *workers_get_free(GuestWorkers *s) {
        GuestWorker *w;

        for (w = s->list; w; w = w->next)
                if (!w->call)
                        return w;
        return s->n < s->kind->max && worker_new(s, &w) >= 0 ? w : NULL;
}

/* Gives waiting calls to free workers. When no process can be made they wait; workers_idle() tries again. */
static void workers_run_queue(GuestWorkers *s) {
        while (s->queue) {
                GuestWorker *w = workers_get_free(s);
                GuestWorkerCall *c = s->queue;

                if (!w)
                        break;
                s->queue = c->next;
                if (!s->queue)
                        s->queue_end = &s->queue;
                w->call = c;
                worker_limit_time(w);
                if (guest_message_send(w->fd, &c->message) < 0)
                        (void) shutdown(w->fd, SHUT_RDWR); /* worker_readable() sees the end */
                for (size_t i = 0; i < c->message.n_fds; i++)
                        closep(&c->message.fds[i]); /* the worker has its own */
        }
        workers_arm_idle(s);
}

int guest_workers_submit(GuestWorkers *s, GuestWorkerCall *c, sd_bus_error *error) {
        GuestWorker *w;

        /* Without any, the caller hears at once that there can be none. */
        if (s->n == 0) {
                int r = worker_new(s, &w);

                if (r < 0) {
                        guest_worker_call_free(c);
                        return bus_error_set(error, LXD_ERROR_FAILED, "Failed to start lxd-%s-worker: %s", s->kind->name, strerror(-r));
                }
        }
        *s->queue_end = c;
        s->queue_end = &c->next;
        s->n_pending++;
        workers_run_queue(s);
        return 0;
}
