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
        /* Exactly once, when the process is gone, or waits for another job (worker_run()) and has let go of all that it had for this one: r 0 or
         * negative errno with e set. results: all reported pairs. The worker is no longer the caller's. */
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

/* worker_spawn(), but by the process that waits at *waiting or, when that is NULL, by a new one. Who has done its job well waits there for the next, unless
 * somebody does already, so that a row of jobs costs one process; who has failed, was cancelled or killed ends. argv[0] is always the same program,
 * one that calls worker_serve(). The place outlives all who may come there; in the end, worker_free(*waiting). 0, -errno. */
int worker_run(sd_event *event, Worker **waiting, char *const *argv, const int *fds, size_t n_fds, const WorkerCallbacks *callbacks,
               void *userdata, Worker **ret);

/* In the worker. */
#define WORKER_REPORT_FD 3
#define WORKER_FIRST_FD 4
/* The exit status of main(). run() gets the job of argv or, without arguments, one job after the other until one does not give EXIT_SUCCESS. Nothing of a job
 * may be there in the next one: what it has open is closed here, what it has allocated is run()'s to free, and a job that changes the process
 * itself (its namespaces, directory, rights, umask, signals, a filter of system calls) does not return but ends in exit(). */
int worker_serve(int argc, char *argv[], int (*run)(int argc, char *argv[]));
int worker_report(const char *key, const char *value);
int worker_reportf(const char *key, const char *format, ...) printf_like(2, 3);
/* Reports the error and gives the exit status: return worker_fail(r, &error) from main(). */
int worker_fail(int r, const sd_bus_error *e);
