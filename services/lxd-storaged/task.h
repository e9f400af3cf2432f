/* SPDX-License-Identifier: Apache-2.0 */
/* One request that changes or needs the host: steps that run one after the other while locks keep conflicting requests waiting.
 *
 * A step returns 0 (go on), 1 (waits: task_resume() goes on) or a negative errno with error set. When one fails after the task was
 * marked `dirty`, the undo steps run, then the first error is the answer. The same undo steps clean up, at the next start, what a
 * killed daemon left: they work from the database row alone. */
#pragma once

#include "driver.h"
#include "manager.h"
#include "worker.h"

typedef int (*task_step_t)(Task *t, sd_bus_error *error);

typedef struct TaskKind {
        const char *name;         /* for the journal */
        const task_step_t *steps; /* end with NULL */
        const task_step_t *undo;  /* end with NULL; may be NULL */
        int (*reply)(Task *t, sd_bus_message *reply); /* appends the results; may be NULL */
} TaskKind;

#define TASK_LOCKS_MAX 6

typedef struct TaskLock {
        char *key;
        bool exclusive;
} TaskLock;

struct Task {
        Manager *manager;
        const TaskKind *kind;
        Task *next;
        Task *then; /* submitted when this one succeeds; answered with its error when it fails */
        TaskLock locks[TASK_LOCKS_MAX];
        size_t n_locks;
        bool started;
        bool dirty;   /* there is something to undo */
        bool undoing;
        size_t step;
        int result;
        sd_bus_error error;

        sd_bus_message *message; /* to answer at the end, or NULL */
        Operation *operation;    /* to finish at the end, or NULL */
        Requestor who;

        Worker *worker;
        Config results; /* of the last worker */
        Config used_by; /* of References: key to newline separated URLs */

        /* The objects; what each step fills in or needs is said there. */
        Pool pool;
        Pool source_pool;
        Volume volume; /* the one that is made, changed or removed */
        Volume source;
        Snapshot snapshot;
        char *pool_name;
        char *source_pool_name;
        char *new_name;
        char *description;
        char *holder;
        Config config;
        uint64_t flags;
        uint64_t expires;
        bool with_snapshots;
        bool silent; /* no signals: instances have their own */
        bool tolerant; /* goes on when lxd-instanced does not answer: for documents */
        bool settled; /* set by a step: there is nothing left to do, the steps that follow are left out */
        Strv names;
        Strv paths;
        int fds[2];
        char *format; /* of the image */
        char *etag;
        int document;
        uint32_t recursion;
};

/* 0, -ENOMEM. Until task_submit() the caller owns it. */
int task_new(Manager *m, const TaskKind *kind, Task **ret);
Task *task_free(Task *t);
DEFINE_CLEANUP(Task, task_free)
/* Lock keys are formatted texts; equal keys conflict unless both are shared. 0, -ENOMEM. */
int task_lock(Task *t, bool exclusive, const char *format, ...) printf_like(3, 4);
int task_lock_pool(Task *t, bool exclusive, const char *pool);
int task_lock_volume(Task *t, bool exclusive, const char *pool, const char *type, const char *project,
                     const char *name);
/* Queues the task (the manager's from then on), answers m (may be NULL) when it is done. Returns 1 for handlers. */
int task_submit(Task *t, sd_bus_message *m);
/* The same with an operation that is answered at once. On failure error is set and the task freed. */
int task_submit_operation(Task *t, sd_bus_message *m, Operation *operation, sd_bus_error *error);
/* For loops: the task goes back to its first step when the current one returns 0. */
void task_restart(Task *t);
/* Ends the wait of a step: r < 0 with e is the failure of that step. */
void task_resume(Task *t, int r, const sd_bus_error *e);

/* Starts a worker on t->pool: `arguments` are "key=value" besides those every verb has. Waits (returns 1). */
int task_worker(Task *t, const char *verb, const Pool *pool, char *const *arguments, const int *fds, size_t n_fds,
                sd_bus_error *error);

/* Common steps. */
int step_forget_failure(Task *t, sd_bus_error *error);     /* last of a reverse that has done what was asked for: it has worked */
int step_pool_load(Task *t, sd_bus_error *error);          /* pool_name -> pool; NotFound */
int step_source_pool_load(Task *t, sd_bus_error *error);   /* source_pool_name -> source_pool */
int step_pool_mount(Task *t, sd_bus_error *error);         /* makes sure that the pool is mounted */
int step_source_pool_mount(Task *t, sd_bus_error *error);
int step_volume_load(Task *t, sd_bus_error *error);        /* volume's type, project, name -> volume; NotFound */
int step_volume_reload(Task *t, sd_bus_error *error);      /* by id, in any state */
/* Both by name, in any state, for what must work without them. 0, -ENOENT, -errno. */
int task_find_volume(Task *t);
/* Asks lxd-instanced who uses what of `kind` (volume, pool) -> used_by. */
int step_references_volume(Task *t, sd_bus_error *error);
int step_references_pool(Task *t, sd_bus_error *error);
/* Has lxd-instanced give custom volume t->volume another pool and name in the devices of instances and profiles; repeatable. 1, -errno. */
int task_move_references(Task *t, const char *pool, const char *name, const char *new_pool, const char *new_name, sd_bus_error *error);
/* URLs of one key of used_by. *ret freed by the caller; empty when there are none. 0, -ENOMEM. */
int task_used_by(Task *t, const char *key, Strv *ret);
/* Fails with Locked when somebody has the volume mounted. what: "Cannot restore ..." */
int task_refuse_held(Task *t, const Volume *v, const char *what, sd_bus_error *error);

/* The arguments of workers. All: 0, -ENOMEM, -EINVAL. */
int argument_add(Strv *arguments, const char *key, const char *value);
int argument_addf(Strv *arguments, const char *key, const char *format, ...) printf_like(3, 4);
