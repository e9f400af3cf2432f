/* SPDX-License-Identifier: Apache-2.0 */
/* What lxd-devlxd holds: the guest socket, and its ways to lxd-instanced and lxd-imaged. */
#pragma once

#include <systemd/sd-event.h>

#include "bus-peer.h"
#include "bus-server.h"

#define DEVLXD_ROOT "/org/lxd/devlxd1"
#define DEVLXD_INTERFACE(suffix) LXD_BUS_PREFIX ".devlxd1." suffix

typedef struct Http Http;
typedef struct Events Events;
struct Caller;

typedef struct Manager {
        sd_event *event;
        BusPeer *instanced, *imaged;
        Http *http;
        Events *events;
        /* Tests say who calls: NULL = the kernel (caller_identify()). */
        int (*identify)(int fd, struct Caller *ret);
        int (*root_uid)(pid_t init, uid_t *ret);
} Manager;

int manager_new(sd_event *event, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager, manager_free)
bool manager_is_idle(void *userdata);

extern const BusInterface manager_interfaces[];
