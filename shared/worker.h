/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes that do what takes longer than a moment: exec'ed, cancellable, with progress, results and error text. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "keyvalue.h"

typedef struct Worker Worker;

typedef struct WorkerCallbacks {
        /* key/value lines that the worker sent with worker_report(); may be NULL */
        void (*report)(Worker *w, const char *key, const char *value, void *userdata);
        /* Exactly once, when the process is gone: r 0 or negative errno with e set. results: all reported pairs. The worker is freed after. */
        void (*done)(Worker *w, int r, const sd_bus_error *e, const Config *results, void *userdata);
} WorkerCallbacks;

/* Execs argv[0] (absolute, or a name below LXD_LIBEXEC_DIR; LXD_WORKER_DIR= overrides for tests). The child gets stdin /dev/null, stdout and stderr of
 * the daemon, fd 3 = report socket, fds[i] as 4+i (the daemon keeps its copies). 0, -errno. */
int worker_spawn(sd_event *event, char *const *argv, const int *fds, size_t n_fds, const WorkerCallbacks *callbacks,
                 void *userdata, Worker **ret);
/* Asks it to end (SIGTERM; SIGKILL after 3 s). done() is still called, with -ECANCELED. */
void worker_cancel(Worker *w);
/* Kills and forgets: done() is not called. Accepts NULL. */
Worker *worker_free(Worker *w);
DEFINE_CLEANUP(Worker, worker_free)
void worker_set_userdata(Worker *w, void *userdata);

/* A process of a worker that waits for its job, so that the job does not wait for the process: half a millisecond of what takes three. The next
 * one is made when the loop has nothing else to do. */
typedef struct WorkerSpare WorkerSpare;
/* name: as argv[0] of worker_spawn(); the worker's main() begins with worker_receive_job(). 0, -ENOMEM. */
int worker_spare_new(sd_event *event, const char *name, WorkerSpare **ret);
WorkerSpare *worker_spare_free(WorkerSpare *s); /* accepts NULL, returns NULL */
/* worker_spawn() of argv[1...] by the process that waits, or by a new one. */
int worker_spare_spawn(WorkerSpare *s, char *const *argv, const int *fds, size_t n_fds, const WorkerCallbacks *callbacks, void *userdata, Worker **ret);

/* In the worker. */
#define WORKER_REPORT_FD 3
#define WORKER_FIRST_FD 4
/* Without arguments: waits for those of the job, and its descriptors. 0, -ECANCELED: there will be none, -errno. *argv lives as long as the process. */
int worker_receive_job(int *argc, char ***argv);
int worker_report(const char *key, const char *value);
int worker_reportf(const char *key, const char *format, ...) printf_like(2, 3);
/* Reports the error and gives the exit status: return worker_fail(r, &error) from main(). */
int worker_fail(int r, const sd_bus_error *e);
