/* SPDX-License-Identifier: Apache-2.0 */
/* Everything lxd-netd holds: its connections, its database, its queue of changes. */
#pragma once

#include <systemd/sd-event.h>

#include "bus-peer.h"
#include "bus-server.h"
#include "db-records.h"
#include "link.h"
#include "operation.h"
#include "unit.h"

#define NETD_ROOT "/org/lxd/network1"
#define NETD_INTERFACE(suffix) LXD_BUS_PREFIX ".network1." suffix
#define NETD_PREFIX_NETWORK "/org/lxd/network1/network"

typedef struct Job Job;
typedef struct Ruleset Ruleset;

typedef struct Manager {
        sd_event *event;
        BusServer *server;
        Operations *operations;
        Db *db;
        Netlink rtnl;
        Units *units;        /* NULL: no service manager (tests); starting and stopping units then does nothing */
        BusPeer *instanced;
        Ruleset *ruleset;
        char *run_dir;       /* /run/lxd/network */
        char *state_dir;     /* /var/lib/lxd/networks */
        Job *jobs;           /* changes of networks, the first one is running */
        sd_event_source *next_job;
        bool first_start;    /* the first one since the host booted */
        unsigned pending;    /* other things that are going on */
        struct Release *releases; /* leases that are being given back: dhcp.c */
} Manager;

/* What an asynchronous step calls at its end: r 0, or negative with e set. */
typedef void (*done_t)(int r, const sd_bus_error *e, void *userdata);

/* Opens netlink and the database (path, or ":memory:") and connects to nobody. run_dir and state_dir are made when missing.
 * 0, -errno (logged). */
int manager_new(sd_event *event, const char *database, const char *run_dir, const char *state_dir, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager, manager_free)
/* Undoes what a crash left half-made and brings all networks up; what takes time goes on behind. boot_id tells whether interfaces
 * of guests can still be there. 0, -errno. */
int manager_start(Manager *m, const char *boot_id);
/* May the daemon end? */
bool manager_is_idle(void *userdata);

/* The tables for DaemonSpec and tests: every interface of this daemon; ends with a zeroed one. */
extern const BusInterface manager_interfaces[];
int manager_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error);
