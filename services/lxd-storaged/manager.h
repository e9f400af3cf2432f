/* SPDX-License-Identifier: Apache-2.0 */
/* The state of lxd-storaged: database, queue of tasks, connections to the daemons it asks. */
#pragma once

#include "bus-peer.h"
#include "daemon.h"
#include "database.h"
#include "operation.h"
#include "worker.h"

#define STORAGE_BUS_NAME LXD_BUS_PREFIX ".storage1"
#define STORAGE_ROOT "/org/lxd/storage1"
#define PATH_POOL STORAGE_ROOT "/pool"
#define PATH_VOLUME STORAGE_ROOT "/volume"
#define PATH_SNAPSHOT STORAGE_ROOT "/volume_snapshot"
#define INTERFACE_MANAGER LXD_BUS_PREFIX ".storage1.Manager"
#define INTERFACE_POOL LXD_BUS_PREFIX ".storage1.Pool"
#define INTERFACE_VOLUME LXD_BUS_PREFIX ".storage1.Volume"
#define INTERFACE_SNAPSHOT LXD_BUS_PREFIX ".storage1.VolumeSnapshot"
#define INTERFACE_GUESTS LXD_BUS_PREFIX ".storage1.Guests"

typedef struct Task Task;

typedef struct Manager {
        Daemon *daemon;
        Db *db;
        char *state_dir; /* /var/lib/lxd, or LXD_DIR= */
        BusPeer *images;    /* lxd-imaged */
        BusPeer *instances; /* lxd-instanced */
        Task *tasks;        /* in order of arrival */
        bool scheduling;    /* inside task_schedule() */
        Worker *waiting;    /* a process of lxd-storage-worker without a job, or NULL */
        Strv labels; /* keys in the path of the object that a handler is running for */
} Manager;

/* Opens the database below the state directory. The daemon is set by the caller before manager_load(). 0, -errno (logged). */
int manager_new(Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager, manager_free)
/* Connects to the loop and queues the clean-up of what an earlier process left unfinished. 0, -errno (logged). */
int manager_load(Manager *m, Daemon *daemon);
/* Queues the clean-up of a pool, volume or snapshot whose row is not in state created and that nobody works on. Takes what it points to over.
 * 0, -errno. */
int manager_recover_pool(Manager *m, Pool *p);
int manager_recover_volume(Manager *m, Volume *v);
int manager_recover_snapshot(Manager *m, Snapshot *s);
/* For DaemonSpec: no task is left. */
bool manager_is_idle(void *userdata);
/* The tables for DaemonSpec. */
extern const BusInterface manager_interfaces[];
extern const struct BusEnumerator manager_enumerators[];

/* find() callbacks of the families: decode the keys into m->labels. Objects that do not exist are found too, so that their methods
 * can answer in LXD's words. */
int manager_find_pool(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                      sd_bus_error *error);
int manager_find_volume(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                        sd_bus_error *error);
int manager_find_snapshot(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                          sd_bus_error *error);
