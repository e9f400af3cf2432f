/* SPDX-License-Identifier: Apache-2.0 */
/* What every daemon does around its work: event loop, sockets handed over, bus, log level, watchdog, idle exit. */
#pragma once

#include <systemd/sd-event.h>

#include "bus-server.h"
#include "db.h"
#include "operation.h"

typedef struct Daemon Daemon;

typedef struct DaemonSpec {
        const char *name;     /* "instanced": lxd-instanced, /run/lxd/instanced.bus */
        const char *bus_name; /* "org.lxd.instance1" */
        const char *root;     /* "/org/lxd/instance1" */
        OperationOwner owner;
        const BusInterface *interfaces; /* ends with a zeroed one; may be NULL */
        /* Enumerators of the families, ends with a zeroed one; may be NULL. */
        const struct BusEnumerator { const char *prefix; sd_bus_node_enumerator_t callback; } *enumerators;
        void *userdata;       /* of interfaces and enumerators */
        /* May the process end now? NULL = yes. Asked only when no connection is open, no operation runs and no message came for a while. */
        bool (*is_idle)(void *userdata);
        /* May be NULL. The process begins to end, idle or by SIGTERM: take nothing more from listening sockets of your own, so that it waits
         * for the next process. May come twice. */
        void (*stopping)(void *userdata);
} DaemonSpec;

/* Logging, signals, umask 0077, event loop with watchdog, the handed-over sockets. 0, -errno. */
int daemon_new(const DaemonSpec *spec, Daemon **ret);
Daemon *daemon_free(Daemon *d);
DEFINE_CLEANUP(Daemon, daemon_free)
sd_event *daemon_event(Daemon *d);
BusServer *daemon_server(Daemon *d);
Operations *daemon_operations(Daemon *d);
/* A handed-over socket by its FileDescriptorName=, the caller's from then on; -ENOENT. */
int daemon_take_fd(Daemon *d, const char *name);
/* Counts reasons not to exit (a pending job that is no operation). */
void daemon_hold(Daemon *d);
void daemon_release(Daemon *d);
/* Opens the buses, READY=1, runs until idle or SIGTERM, waits for running operations (at most 20 s), STOPPING=1. Exit status or -errno.
 * Load state before this: no call is answered earlier. */
int daemon_run(Daemon *d);
/* Instead of daemon_run() when loading failed (failure, -errno): for what a restart does not heal (a database that is damaged or newer, a disk
 * that is full or broken) every call is answered with it, so that users read it and need not look for it. Ends soon after: the next call
 * finds a new process, which tries again. For all else, and without a daemon (NULL), returns failure. */
int daemon_run_unable(Daemon *d, int failure);
/* Backs the database up from time to time (db-backup.h) until the daemon is freed; it must live as long. 0, -errno. */
int daemon_watch_database(Daemon *d, Db *db);
/* Idle time before exit: LXD_IDLE_SEC= or 15 s. */

/* main() helper: `--introspect` prints the golden XML of all interfaces and exits; `--version`. 1 = handled, 0 = go on, -EINVAL. */
int daemon_parse_argv(const DaemonSpec *spec, int argc, char **argv);
