/* SPDX-License-Identifier: Apache-2.0 */
/* What lxd-instanced knows: the tables of instances and profiles, the connections to the other daemons. */
#pragma once

#include "bus-peer.h"
#include "bus-server.h"
#include "daemon.h"
#include "db.h"
#include "guest-worker.h"
#include "idmap.h"
#include "instance.h"
#include "job.h"
#include "operation.h"
#include "unit.h"

#define INSTANCE1_ROOT "/org/lxd/instance1"
#define INSTANCE1_INSTANCE INSTANCE1_ROOT "/instance"
#define INSTANCE1_SNAPSHOT INSTANCE1_ROOT "/snapshot"
#define INSTANCE1_PROFILE INSTANCE1_ROOT "/profile"

struct Manager {
        sd_event *event;
        Daemon *daemon;         /* NULL in tests */
        BusServer *server;      /* borrowed from the daemon, as operations */
        Operations *operations;
        Db *db;
        BusPeer *storaged, *netd, *imaged;
        Units *units;           /* made when the system bus is there */
        GuestWorkers *file_workers, *template_workers;

        Profile **profiles;     /* sorted by project and name */
        size_t n_profiles;
        Instance **instances;   /* sorted by project and name */
        Instance **by_id;       /* the same, sorted by id */
        size_t n_instances;
        uint64_t duties_of;     /* the id of one that has scheduled or expiring snapshots, 0 = none has; see snapshots_update_duties() */

        Job *jobs;
        sd_event_source *autostart_timer;
        IdRange host_ids;
        uint64_t host_memory;
        const char *state_dir, *run_dir, *log_dir; /* /var/lib/lxd, /run/lxd, /var/log/lxd */
        bool stopping;          /* the host shuts down: nothing is started any more */

        /* For tests of crashes: true = the job stops dead after this step, as if the process were killed. */
        bool (*crash_hook)(const char *kind, const char *step, void *userdata);
        void *crash_userdata;
};

/* An empty one. 0, -ENOMEM. */
int manager_new(Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager, manager_free)

/* Opens the database and reads everything; makes the default profile at the first start; finds the guests that run. 0, -errno. */
int manager_load(Manager *m, sd_event *event, const char *db_path);
/* Connects the loaded manager with its buses (daemon NULL: a test), and starts to clean up what a crash left behind. */
void manager_attach(Manager *m, Daemon *d, BusServer *server, Operations *operations);
/* Before the buses go: forgets them. */
void manager_detach(Manager *m);
/* Cleans up: pending rows are undone, deleting ones removed, intents undone or finished. Queues jobs; called by manager_attach(). */
void manager_recover(Manager *m);
bool manager_is_idle(void *userdata);

/* The connection to systemd, made at the first use. NULL when there is no system bus; then error is set. */
Units *manager_units(Manager *m, sd_bus_error *error);

/* The vtables of all objects, for DaemonSpec and tests. */
extern const BusInterface instanced_interfaces[];
extern const struct BusEnumerator instanced_enumerators[];
