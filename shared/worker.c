/* SPDX-License-Identifier: Apache-2.0 */
/* Worker processes: spawned with a report socket, watched by the loop. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/socket.h"
#include "base/str.h"
#include "bus-error.h"
#include "log.h"
#include "worker-report.h"
#include "worker.h"

#define KILL_USEC (3 * USEC_PER_SEC)

struct Worker {
        sd_event *event;
        pid_t pid;
        char *name;
        int report_fd;
        sd_event_source *child, *report, *kill;
        WorkerCallbacks callbacks;
        void *userdata;
        Worker **place; /* where it waits for its next job; NULL: it has but one */
        Config results;
        bool cancelled;
};

Worker *worker_free(Worker *w) {
        if (!w)
                return NULL;
        if (w->child && w->pid > 0) {
                (void) kill(w->pid, SIGKILL);
                (void) waitpid(w->pid, NULL, 0); /* it has been killed: this does not wait for work */
        }
        sd_event_source_disable_unref(w->child);
        sd_event_source_disable_unref(w->report);
        sd_event_source_disable_unref(w->kill);
        close_safe(w->report_fd);
        config_done(&w->results);
        sd_event_unref(w->event);
        free(w->name);
        free(w);
        return NULL;
}

void worker_set_userdata(Worker *w, void *userdata) {
        w->userdata = userdata;
}

/* One packet. 1 = there was one, 0 = none at the moment or the end. */
static int read_report(Worker *w) {
        _cleanup_free_ char *packet = malloc(WORKER_REPORT_MAX + 1);
        char *value;
        ssize_t n;

        if (!packet)
                return -ENOMEM;
        n = recv(w->report_fd, packet, WORKER_REPORT_MAX, MSG_DONTWAIT);
        if (n <= 0)
                return n == 0 || errno == EAGAIN ? 0 : -errno;
        packet[n] = '\0';
        value = strchr(packet, '=');
        if (!value)
                return 1;
        *value++ = '\0';
        if (config_set(&w->results, packet, value) < 0)
                return log_oom();
        if (packet[0] != '!' && w->callbacks.report)
                w->callbacks.report(w, packet, value, w->userdata);
        return 1;
}

/* The outcome, from what it reported and how it ended. */
static int worker_result(Worker *w, const siginfo_t *si, sd_bus_error *e) {
        const char *name = config_get(&w->results, WORKER_KEY_NAME), *text = config_get(&w->results, WORKER_KEY_TEXT);
        int64_t error;

        if (w->cancelled)
                return bus_error_set(e, LXD_ERROR_CANCELLED, "Operation cancelled");
        if ((si->si_code == CLD_EXITED && si->si_status == 0) || config_get(&w->results, WORKER_KEY_DONE))
                return 0;
        if (text && parse_i64(config_get_or(&w->results, WORKER_KEY_ERRNO, ""), &error) >= 0 && error > 0) {
                (void) sd_bus_error_set(e, name ?: bus_error_from_errno((int) error), text);
                return -(int) error;
        }
        if (si->si_code == CLD_EXITED)
                return bus_error_set(e, LXD_ERROR_FAILED, "%s failed with exit status %d; its output is in the journal",
                                     w->name, si->si_status);
        return bus_error_set(e, LXD_ERROR_FAILED, "%s was killed by signal %d (%s)", w->name, si->si_status,
                             strsignal(si->si_status));
}

static void on_gone_waiting(Worker *w, int r, const sd_bus_error *e, const Config *results, void *userdata) {
        *w->place = NULL;
}

/* Of a worker without a job. */
static const WorkerCallbacks no_job = { .done = on_gone_waiting };

/* The end of its job. By then it has none any more: done() may give it the next one. */
static void worker_done(Worker *w, int r, const sd_bus_error *e) {
        _cleanup_(config_done) Config results = w->results;
        WorkerCallbacks callbacks = w->callbacks;

        w->results = (Config) {};
        w->callbacks = no_job;
        (void) config_set(&results, WORKER_KEY_ERRNO, NULL);
        (void) config_set(&results, WORKER_KEY_NAME, NULL);
        (void) config_set(&results, WORKER_KEY_TEXT, NULL);
        (void) config_set(&results, WORKER_KEY_DONE, NULL);
        callbacks.done(w, r, e, &results, w->userdata);
}

/* One that waits is enough: further ones are let go, and end their job with their process. */
static void worker_wait(Worker *w) {
        if (!w->place || *w->place) {
                (void) shutdown(w->report_fd, SHUT_WR);
                return;
        }
        *w->place = w;
        worker_done(w, 0, NULL);
}

static int on_report(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Worker *w = userdata;
        int r = read_report(w);

        if (r <= 0)
                return revents & (EPOLLHUP | EPOLLERR) ? sd_event_source_set_enabled(s, SD_EVENT_OFF) : 0;
        if (config_get(&w->results, WORKER_KEY_DONE) && !w->cancelled)
                worker_wait(w);
        return 0;
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        _cleanup_(worker_freep) Worker *w = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        while (read_report(w) > 0)
                ;
        w->pid = 0;
        r = worker_result(w, si, &error);
        worker_done(w, r, r < 0 ? &error : NULL);
        return 0;
}

/* The daemon's own handles on the service manager are not for the worker. */
static int worker_environment(Strv *ret) {
        static const char *const hidden[] = { "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_", "MAINPID=" };
        _cleanup_strv_free_ Strv env = calloc(1, sizeof(char *));

        if (!env)
                return -ENOMEM;
        STRV_FOREACH(e, environ) {
                bool skip = false;

                for (size_t i = 0; i < ELEMENTSOF(hidden); i++)
                        skip = skip || startswith(*e, hidden[i]);
                if (!skip && strv_extend(&env, *e) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(env);
        return 0;
}

static int spawn_attributes(posix_spawnattr_t *attributes) {
        sigset_t none, all;
        int r;

        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        r = posix_spawnattr_setsigmask(attributes, &none) ?: posix_spawnattr_setsigdefault(attributes, &all);
        if (r == 0)
                r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        return -r;
}

/* posix_spawn (vfork inside): no copy of the daemon's address space. sources[i] becomes fd 3+i in the child. */
static int spawn(const char *path, char *const *argv, const int *sources, size_t n, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        _cleanup_strv_free_ Strv env = NULL;
        int r;

        r = worker_environment(&env);
        if (r < 0)
                return r;
        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        if (posix_spawnattr_init(&attributes) != 0) {
                posix_spawn_file_actions_destroy(&actions);
                return -ENOMEM;
        }
        r = spawn_attributes(&attributes);
        if (r >= 0)
                r = -posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = -posix_spawn_file_actions_adddup2(&actions, sources[i], WORKER_REPORT_FD + (int) i);
        if (r >= 0)
                r = -posix_spawn(ret, path, &actions, &attributes, argv, env);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

/* Moves the descriptors out of the way of 3, 4, ... first, so that no dup2() overwrites a later source. */
static int spawn_with_fds(const char *path, char *const *argv, int report_fd, const int *fds, size_t n_fds, pid_t *ret) {
        int sources[WORKER_FDS_MAX + 1];
        size_t n = 0;
        int r = 0;

        if (n_fds > WORKER_FDS_MAX)
                return -E2BIG;
        for (; n < n_fds + 1; n++) {
                sources[n] = fcntl(n == 0 ? report_fd : fds[n - 1], F_DUPFD_CLOEXEC, 64);
                if (sources[n] < 0) {
                        r = -errno;
                        break;
                }
        }
        if (r >= 0)
                r = spawn(path, argv, sources, n, ret);
        while (n > 0)
                (void) close(sources[--n]);
        return r;
}

int worker_spawn(sd_event *event, char *const *argv, const int *fds, size_t n_fds, const WorkerCallbacks *callbacks,
                 void *userdata, Worker **ret) {
        _cleanup_(worker_freep) Worker *w = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int child_fd = -EBADF;
        int pair[2], r;

        w = calloc(1, sizeof(Worker));
        if (!w)
                return -ENOMEM;
        *w = (Worker) { .event = sd_event_ref(event), .report_fd = -EBADF, .callbacks = *callbacks, .userdata = userdata };
        if (argv[0][0] == '/')
                r = str_replace(&path, argv[0]);
        else
                r = str_format(&path, "%s/%s", secure_getenv("LXD_WORKER_DIR") ?: LXD_LIBEXEC_DIR, argv[0]);
        if (r >= 0)
                r = str_replace(&w->name, strrchr(path, '/') + 1);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        w->report_fd = pair[0];
        child_fd = pair[1];
        r = sd_event_add_io(event, &w->report, w->report_fd, EPOLLIN, on_report, w);
        if (r < 0)
                return r;
        r = spawn_with_fds(path, argv, child_fd, fds, n_fds, &w->pid);
        if (r < 0)
                return r;
        r = sd_event_add_child(event, &w->child, w->pid, WEXITED, on_child, w);
        if (r < 0) {
                (void) kill(w->pid, SIGKILL);
                (void) waitpid(w->pid, NULL, 0);
                return r;
        }
        if (ret)
                *ret = w;
        TAKE_PTR(w);
        return 0;
}

static int on_kill(sd_event_source *s, uint64_t usec, void *userdata) {
        Worker *w = userdata;

        (void) kill(w->pid, SIGKILL);
        return 0;
}

void worker_cancel(Worker *w) {
        if (w->cancelled || w->pid <= 0)
                return;
        w->cancelled = true;
        (void) kill(w->pid, SIGTERM);
        if (sd_event_add_time_relative(w->event, &w->kill, CLOCK_MONOTONIC, KILL_USEC, 0, on_kill, w) < 0)
                (void) kill(w->pid, SIGKILL);
}

/* ---- a process for one job after the other ---- */

static int job_pack(char *const *argv, char **ret, size_t *ret_n) {
        _cleanup_free_ char *packet = malloc(WORKER_JOB_MAX);
        size_t n = 0;

        if (!packet)
                return -ENOMEM;
        if (strv_length(argv) > WORKER_ARGUMENTS_MAX)
                return -E2BIG;
        STRV_FOREACH(a, argv) {
                size_t size = strlen(*a) + 1;

                if (size > WORKER_JOB_MAX - n)
                        return -E2BIG;
                memcpy(packet + n, *a, size);
                n += size;
        }
        *ret = TAKE_PTR(packet);
        *ret_n = n;
        return 0;
}

static int job_send(int sock, char *const *argv, const int *fds, size_t n_fds) {
        _cleanup_free_ char *packet = NULL;
        size_t n;
        int r;

        if (n_fds > WORKER_FDS_MAX)
                return -E2BIG;
        r = job_pack(argv, &packet, &n);
        return r < 0 ? r : socket_send_fds(sock, packet, n, fds, n_fds, MSG_DONTWAIT);
}

static int spawn_waiting(sd_event *event, char *name, Worker **waiting) {
        int r = worker_spawn(event, (char *[]) { name, NULL }, NULL, 0, &no_job, NULL, waiting);

        if (r >= 0)
                (*waiting)->place = waiting;
        return r;
}

int worker_run(sd_event *event, Worker **waiting, char *const *argv, const int *fds, size_t n_fds, const WorkerCallbacks *callbacks,
               void *userdata, Worker **ret) {
        int r = *waiting ? 0 : spawn_waiting(event, argv[0], waiting);
        Worker *w = *waiting;

        if (r < 0)
                return r;
        /* More than a packet holds, or it has died and the loop does not know yet. */
        if (job_send(w->report_fd, argv, fds, n_fds) < 0)
                return worker_spawn(event, argv, fds, n_fds, callbacks, userdata, ret);
        *waiting = NULL;
        w->callbacks = *callbacks;
        w->userdata = userdata;
        *ret = w;
        return 0;
}
