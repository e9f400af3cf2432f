/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table of the daemons REST talks to, and what happens to their signals. */

#include "events.h"
#include "log.h"
#include "operation-watch.h"
#include "owners.h"
#include "server-info.h"

static const OwnerInfo owners[OWNER_MAX] = {
        [OPERATION_OWNER_APID] = { "apid", "/org/lxd/api1", LXD_BUS_PREFIX ".api1" },
        [OPERATION_OWNER_CLUSTERD] = { "clusterd", "/org/lxd/cluster1", LXD_BUS_PREFIX ".cluster1" },
        [OPERATION_OWNER_IMAGED] = { "imaged", "/org/lxd/image1", LXD_BUS_PREFIX ".image1" },
        [OPERATION_OWNER_STORAGED] = { "storaged", "/org/lxd/storage1", LXD_BUS_PREFIX ".storage1" },
        [OPERATION_OWNER_NETD] = { "netd", "/org/lxd/network1", LXD_BUS_PREFIX ".network1" },
        [OPERATION_OWNER_INSTANCED] = { "instanced", "/org/lxd/instance1", LXD_BUS_PREFIX ".instance1" },
};

const OwnerInfo *owner_info(int owner) {
        return owner > 0 && owner < OWNER_MAX && owners[owner].daemon ? &owners[owner] : NULL;
}

static int owner_of(Manager *m, BusPeer *p) {
        for (int i = 0; i < OWNER_MAX; i++)
                if (m->peers[i] == p)
                        return i;
        return -ENOENT;
}

static void on_changed(Manager *m, sd_bus_message *message) {
        _cleanup_(operation_record_done) OperationRecord record = {};
        int r = operation_record_read(message, &record);

        if (r < 0) {
                log_warning_errno(r, "Failed to read an operation that changed: %m");
                return;
        }
        events_operation(m->events, &record, NULL);
        watches_changed(m->watches, &record);
}

static void on_lifecycle(Manager *m, sd_bus_message *message) {
        const char *project, *action, *source, *user, *protocol, *address;
        _cleanup_(config_done) Config context = {};
        int r;

        r = sd_bus_message_read(message, "sss", &project, &action, &source);
        if (r >= 0)
                r = bus_read_config(message, &context);
        if (r >= 0)
                r = sd_bus_message_read(message, "(sss)", &user, &protocol, &address); /* nobody, when empty: not the daemon that tells of it */
        if (r < 0) {
                log_warning_errno(r, "Failed to read a lifecycle signal: %m");
                return;
        }
        if (streq(action, "config-updated") || startswith(action, "storage-pool-"))
                server_info_invalidate(m->server);
        events_lifecycle(m->events, project, action, source, &context,
                         &(const Requestor) { (char *) user, (char *) protocol, (char *) address });
}

static void on_signal(BusPeer *p, sd_bus_message *message, void *userdata) {
        Manager *m = userdata;

        if (!message) {
                server_info_invalidate(m->server);
                watches_owner_lost(m->watches, owner_of(m, p));
        } else if (sd_bus_message_is_signal(message, LXD_BUS_PREFIX ".Operations1", "Changed"))
                on_changed(m, message);
        else if (sd_bus_message_is_signal(message, LXD_BUS_PREFIX ".Operations1", "Lifecycle"))
                on_lifecycle(m, message);
}

void owner_want(Manager *m, int owner) {
        if (m->wanted[owner]++ > 0 || !m->peers[owner])
                return;

        int r = bus_peer_subscribe(m->peers[owner], on_signal, m);
        if (r < 0)
                log_warning_errno(r, "Failed to subscribe to the signals of lxd-%s: %m", owner_info(owner)->daemon);
}

void owner_release(Manager *m, int owner) {
        assert(m->wanted[owner] > 0);
        if (--m->wanted[owner] == 0 && m->peers[owner])
                bus_peer_unsubscribe(m->peers[owner]);
}
