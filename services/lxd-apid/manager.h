/* SPDX-License-Identifier: Apache-2.0 */
/* Owns what all parts of lxd-apid share: the loop, the connections to the other daemons, the listeners. */
#pragma once

#include <systemd/sd-event.h>

#include "bus-peer.h"
#include "operation.h"

typedef struct Http Http;
typedef struct Events Events;
typedef struct Watches Watches;
typedef struct Sessions Sessions;
typedef struct ServerInfo ServerInfo;

#define OWNER_MAX (OPERATION_OWNER_DEVLXD + 1)

typedef struct Manager {
        sd_event *event;
        Operations *operations; /* our own: exec and console; NULL in tests without a bus */
        BusPeer *peers[OWNER_MAX]; /* by OperationOwner; NULL where REST has nothing to ask */
        unsigned wanted[OWNER_MAX]; /* owner_want() */
        Http *http;
        Events *events;
        Watches *watches;
        Sessions *sessions;
        ServerInfo *server;
        void (*hold)(void *userdata, bool hold); /* the process must not end while this is called more often with true than with false */
        void *hold_userdata;
        uint64_t connect_wait; /* µs for the client of a session to connect */
        uint64_t session_wait; /* µs for a guest that was told to end */
        const char *certificate_path; /* of the server, PEM */
} Manager;

/* Makes everything but the listening sockets and the operations. 0, -errno. */
int manager_new(sd_event *event, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager, manager_free)
/* True when nobody is connected and nothing is pending (DaemonSpec.is_idle). */
bool manager_is_idle(void *userdata);
/* Takes no new connections (DaemonSpec.stopping). */
void manager_stopping(void *userdata);

/* The daemon, its root object and interface prefix, by owner; NULL for the ones REST does not talk to. */
typedef struct OwnerInfo {
        const char *daemon;    /* "instanced" */
        const char *root;      /* "/org/lxd/instance1" */
        const char *interface; /* "org.lxd.instance1" */
} OwnerInfo;
const OwnerInfo *owner_info(int owner);

extern const BusInterface apid_interfaces[];
