/* SPDX-License-Identifier: Apache-2.0 */
/* At start: interfaces of guests that ended while nobody looked. */
#include <inttypes.h>

#include "bus-error.h"
#include "dhcp.h"
#include "log.h"
#include "nic.h"

static void on_done(int r, const sd_bus_error *e, void *userdata) {
        if (r < 0)
                log_warning("Failed to take back the filters of a guest that is gone: %s", e ? e->message : strerror(-r));
}

static bool unit_runs(char **names, uint64_t guest) {
        _cleanup_free_ char *container = NULL, *vm = NULL;

        if (str_format(&container, "lxd-container@%" PRIu64 ".service", guest) < 0 ||
            str_format(&vm, "lxd-vm@%" PRIu64 ".service", guest) < 0)
                return true; /* rather too much than too little stays */
        return strv_contains(names, container) || strv_contains(names, vm);
}

static void on_units(char **names, const sd_bus_error *e, void *userdata) {
        _cleanup_(nic_list_done) NicList nics = {};
        Manager *m = userdata;
        int r;

        m->pending--;
        if (e) {
                log_warning("Cannot tell which guests run, their interfaces stay: %s", e->message);
                return;
        }
        r = db_nic_list(m->db, &nics);
        if (r < 0)
                return;
        for (size_t i = 0; i < nics.n; i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                const Nic *nic = nics.items + i;

                if (streq(nic->state, "reserved") || unit_runs(names, nic->guest))
                        continue;
                log_at(LOG_NOTICE, 0, (&(LogFields) { .instance = nic->instance, .message_id = LXD_MSG_LEFTOVER_REMOVED }),
                       "Removing the interfaces of instance \"%s\", which does not run any more.", nic->instance);
                r = nic_detach(m, nic->guest, "", false, on_done, NULL, &error);
                if (r < 0)
                        log_warning("%s", error.message);
        }
}

/* What was being attached when the daemon ended: whoever asked for it will ask again. */
static int remove_pending(Manager *m, const NicList *nics) {
        for (size_t i = 0; i < nics->n; i++) {
                const Nic *nic = nics->items + i;

                if (!streq(nic->state, "pending"))
                        continue;
                (void) link_delete(&m->rtnl, nic->host_name);
                (void) db_nic_delete(m->db, nic->guest, nic->device);
        }
        return 0;
}

int nic_start_all(Manager *m) {
        _cleanup_(nic_list_done) NicList nics = {};
        bool attached = false;
        int r;

        r = db_nic_list(m->db, &nics);
        if (r < 0)
                return r;
        r = remove_pending(m, &nics);
        for (size_t i = 0; i < nics.n; i++)
                attached = attached || streq(nics.items[i].state, "attached");
        if (r < 0 || !attached || !m->units)
                return r;
        r = units_list(m->units, "lxd-*@*.service", on_units, m);
        if (r < 0)
                return log_warning_errno(r, "Cannot tell which guests run, their interfaces stay: %m");
        m->pending++;
        return 0;
}
