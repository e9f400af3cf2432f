/* SPDX-License-Identifier: Apache-2.0 */
/* At start: interfaces of guests that ended while nobody looked. */
#include <inttypes.h>

#include "bus-error.h"
#include "bus-message.h"
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

/* Interfaces that some instances have, and a walk over them. */
typedef struct Walk {
        Manager *manager;
        NicList nics;
        size_t next;
} Walk;

static void walk_free(Walk *w) {
        w->manager->pending--;
        nic_list_done(&w->nics);
        free(w);
}

static int walk_new(Manager *m, Walk **ret) {
        Walk *w = calloc(1, sizeof(Walk));
        int r;

        if (!w)
                return -ENOMEM;
        w->manager = m;
        m->pending++;
        r = db_nic_list(m->db, &w->nics);
        if (r < 0) {
                walk_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

/* Still the same interface? The names of pairs are random, so one that was attached since has another. */
static bool is_still(Manager *m, const Nic *nic) {
        _cleanup_(nic_done) Nic now = {};

        return db_nic_load(m->db, nic->guest, nic->device, &now) >= 0 && streq(now.state, nic->state) && streq(now.link, nic->link);
}

/* A guest that did not run when the service manager was asked, and starts by now: what it has got since is to stay. */
static bool starts_by_now(const Walk *w, uint64_t guest) {
        _cleanup_(nic_list_done) NicList now = {};

        if (db_nic_list_guest(w->manager->db, guest, &now) < 0)
                return true;
        for (size_t i = 0; i < now.n; i++) {
                bool known = streq(now.items[i].state, "reserved");

                for (size_t k = 0; k < w->nics.n && !known; k++)
                        known = w->nics.items[k].guest == guest && streq(w->nics.items[k].link, now.items[i].link);
                if (!known)
                        return true;
        }
        return false;
}

static void on_units(char **names, const sd_bus_error *e, void *userdata) {
        Walk *w = userdata;

        if (e)
                log_warning("Cannot tell which guests run, their interfaces stay: %s", e->message);
        for (size_t i = 0; !e && i < w->nics.n; i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                const Nic *nic = w->nics.items + i;

                if (streq(nic->state, "reserved") || unit_runs(names, nic->guest) || !is_still(w->manager, nic) ||
                    starts_by_now(w, nic->guest))
                        continue;
                log_at(LOG_NOTICE, 0, (&(LogFields) { .instance = nic->instance, .message_id = LXD_MSG_LEFTOVER_REMOVED }),
                       "Removing the interfaces of instance \"%s\", which does not run any more.", nic->instance);
                if (nic_detach(w->manager, nic->guest, "", 0, on_done, NULL, &error) < 0)
                        log_warning("%s", error.message);
        }
        walk_free(w);
}

/* Reservations of guests that do not run: each guest is asked for, one after the other. */
static void reap_next(Walk *x);

/* Has the instance still this interface? */
static bool device_exists(sd_bus_message *m, const Nic *nic) {
        _cleanup_(devices_done) Devices devices = {};
        const Config *config;

        if (sd_bus_message_skip(m, "sssa{ss}") < 0 || bus_read_devices(m, &devices) < 0)
                return true;
        config = devices_get(&devices, nic->device);
        return config && streq_ptr(config_get(config, "type"), "nic");
}

static void on_guest(sd_bus_message *m, const sd_bus_error *e, void *userdata) {
        Walk *x = userdata;
        const Nic *nic = x->nics.items + x->next++;

        /* It may have been attached since. */
        if (is_still(x->manager, nic) &&
            ((e && sd_bus_error_has_name(e, LXD_ERROR_NOT_FOUND)) || (!e && !device_exists(m, nic)))) {
                log_debug("Forgetting the reservation of device \"%s\" of instance \"%s\".", nic->device, nic->instance);
                (void) nic_forget(x->manager, nic);
        }
        reap_next(x);
}

static void reap_next(Walk *x) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r = 0;

        while (x->next < x->nics.n && !streq(x->nics.items[x->next].state, "reserved"))
                x->next++;
        if (x->next < x->nics.n) {
                r = bus_peer_message(x->manager->instanced, &call, "/org/lxd/instance1", LXD_BUS_PREFIX ".instance1.Guest", "GetGuest");
                if (r >= 0)
                        r = sd_bus_message_append(call, "tt", x->nics.items[x->next].guest, UINT64_C(0));
                if (r >= 0)
                        r = bus_peer_call(x->manager->instanced, call, on_guest, x);
                if (r >= 0)
                        return;
                log_debug_errno(r, "Cannot ask about guests that do not run, their reservations stay: %m");
        }
        walk_free(x);
}

static int reap_start(Manager *m) {
        Walk *x;
        int r = walk_new(m, &x);

        if (r >= 0)
                reap_next(x);
        return r;
}

int nic_start_all(Manager *m) {
        _cleanup_(nic_list_done) NicList nics = {};
        bool taken_on = false;
        Walk *w;
        int r;

        r = db_nic_list(m->db, &nics);
        if (r < 0)
                return r;
        for (size_t i = 0; i < nics.n; i++)
                taken_on = taken_on || !streq(nics.items[i].state, "reserved");
        r = reap_start(m);
        if (r < 0 || !taken_on || !m->units)
                return r;
        r = walk_new(m, &w);
        if (r < 0)
                return r;
        r = units_list(m->units, "lxd-*@*.service", on_units, w);
        if (r < 0)
                walk_free(w);
        return r < 0 ? log_warning_errno(r, "Cannot tell which guests run, their interfaces stay: %m") : 0;
}
