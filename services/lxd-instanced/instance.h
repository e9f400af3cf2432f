/* SPDX-License-Identifier: Apache-2.0 */
/* The instance: its record, what it is doing, and its forms in JSON. */
#pragma once

#include "bus-message.h"
#include "guest-control.h"
#include "json-write.h"
#include "operation.h"
#include "profile.h"
#include "settings.h"

typedef struct Instance Instance;
typedef struct Snapshot Snapshot;
typedef struct Job Job;
typedef struct LiveState LiveState;

/* REST's codes. */
typedef enum InstanceStatus {
        INSTANCE_STOPPED = 102,
        INSTANCE_RUNNING = 103,
        INSTANCE_STARTING = 106,
        INSTANCE_STOPPING = 107,
        INSTANCE_FREEZING = 109,
        INSTANCE_FROZEN = 110,
        INSTANCE_ERROR = 112,
} InstanceStatus;

/* The row's state in the database. */
typedef enum RowState {
        ROW_PENDING,  /* being made: undone at the next start */
        ROW_CREATED,
        ROW_DELETING, /* being removed: finished at the next start */
        _ROW_STATE_MAX,
} RowState;

struct Snapshot {
        Instance *instance;
        uint64_t id;
        char *name;
        Settings settings;
        uint64_t created_at, expires_at;
        RowState row;
        char *intent; /* NULL, or "rename:<new>" */
};

struct Instance {
        Manager *manager;
        uint64_t id; /* 0 = not in the database (any more) */
        char *project, *name;
        RowState row;
        bool leftover; /* half-made when the daemon ended: nobody sees it, and its name is free as soon as it is removed */
        Settings settings;
        Profile **profiles;
        size_t n_profiles;
        char *pool; /* where the root volume is */
        uint64_t created_at, last_used_at;
        char *intent; /* NULL, "rename:<new>" or "restore:<snapshot>" */

        Snapshot **snapshots; /* oldest first */
        size_t n_snapshots;

        /* What follows lives in memory only. */
        InstanceStatus status;
        GuestState guest;     /* of a running one */
        LiveState *live;      /* what it has (live.h); NULL = what the record says */
        char *failure;        /* why the last start failed, for whoever waits for it */
        bool prepared;        /* PrepareGuest has begun and GuestStopped is not done: mounts and NICs may exist */
        bool killed;          /* it did not end by itself */
        bool restarting;      /* the next start is the second half of a restart: no instance-started of its own */
        unsigned n_access;    /* files.* that hold the volume mounted */
        bool volume_settled;  /* and nobody that is gone, a guest or a process before this one, can have left it mounted */
        Job *data_job;        /* creates, changes or removes the record or volume; others queue behind it */
        Job *life_job;        /* start, stop, restart, freeze, unfreeze */
        Job *prepare_job;     /* begun with the start, for the runner that will ask: guest_prepare_ahead() */
        Job *queue, *queue_tail;
};

/* A fresh one that is in no table yet. */
Instance *instance_new(Manager *m, const char *project, const char *name);
Instance *instance_free(Instance *i);
DEFINE_CLEANUP(Instance, instance_free)

/* Can an instance have this name? 0, -EINVAL with LXD's words for what is wrong in error. */
int instance_check_name(const char *name, sd_bus_error *error);
Instance *instance_find(Manager *m, const char *project, const char *name);
Instance *instance_find_id(Manager *m, uint64_t id);
/* Into the tables (the id is set already) / out of them, without freeing. 0, -EEXIST, -ENOMEM. */
int instance_link(Instance *i);
void instance_unlink(Instance *i);
/* The end of an instance whose volume is gone or never was: row, tables, bus object. The struct stays until the last job lets go. */
void instance_forget(Instance *i);
/* Moves it to its place in the sorted table and tells the bus. 0, -ENOMEM (nothing changed). */
int instance_set_name(Instance *i, const char *name);

bool instance_is_running(const Instance *i); /* running, frozen or between these and stopped: a guest may be there */
const char *instance_status_text(InstanceStatus s);
/* Changes the state and signals Status and StatusCode. */
void instance_set_status(Instance *i, InstanceStatus s);
/* Emits PropertiesChanged for names (NULL-terminated varargs). */
void instance_changed(Instance *i, ...) __attribute__((sentinel));

/* Effective value of a key, NULL when nobody sets it. */
const char *instance_get(const Instance *i, const char *key);
bool instance_is_true(const Instance *i, const char *key);
int instance_expand_config(const Instance *i, Config *ret);   /* a view: config_view_done() */
int instance_expand_devices(const Instance *i, Devices *ret); /* a view: devices_view_done() */
bool instance_uses_profile(const Instance *i, const Profile *p);

/* Sets (value NULL: removes) keys of the instance's own config in memory and database: volatile.* only, no checks, no events.
 * Lazy (db.h): whoever answers a client with it calls db_sync(). 0, -errno. Give pairs key, value and NULL at the end. */
int instance_set_volatile(Instance *i, ...) __attribute__((sentinel));

int instance_unit(const Instance *i, char **ret);   /* "lxd-container@7.service" */
int instance_url(const Instance *i, char **ret);    /* "/1.0/instances/c1" */
int instance_path(const Instance *i, char **ret);   /* object path */
/* /var/log/lxd/<name>, for other projects <project>_<name>. */
int instance_log_dir(const Instance *i, char **ret);
/* Lifecycle event "instance-<what>", on the bus and in the journal; context, who and the operation it is part of may be NULL. */
void instance_lifecycle(Instance *i, const char *what, const Config *context, const Requestor *who, Operation *op);

/* The fields of one instance, without the braces. */
void instance_write_fields(JsonWriter *w, const Instance *i);
int instance_etag(const Instance *i, char **ret);

/* Snapshots. */
Snapshot *snapshot_new(Instance *i, const char *name); /* linked at the end */
void snapshot_remove(Snapshot *s);                     /* unlinked and freed */
Snapshot *snapshot_find(const Instance *i, const char *name);
void snapshot_write_json(JsonWriter *w, const char *key, const Snapshot *s);
int snapshot_etag(const Snapshot *s, char **ret);
int snapshot_url(const Snapshot *s, char **ret);
int snapshot_resource_url(const Snapshot *s, char **ret); /* "/1.0/instances/c1/snap0", as LXD has it in resources of operations */
int snapshot_path(const Snapshot *s, char **ret);

#define LOG_INSTANCE(i) (&(const LogFields) { .project = (i)->project, .instance = (i)->name })
