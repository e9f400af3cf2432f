/* SPDX-License-Identifier: Apache-2.0 */
/* Who uses a network: a question to lxd-instanced. */
#include "bus-error.h"
#include "bus-message.h"
#include "network.h"

typedef struct Entry {
        char *name;
        Strv urls;
} Entry;

struct UsedBy {
        Entry *entries;
        size_t n;
};

typedef struct Query {
        used_by_t callback;
        void *userdata;
        Manager *manager;
} Query;

static void used_by_done(UsedBy *u) {
        for (size_t i = 0; i < u->n; i++) {
                free(u->entries[i].name);
                strv_free(u->entries[i].urls);
        }
        free(u->entries);
}

static int used_by_read(sd_bus_message *m, UsedBy *u) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sas}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sas")) > 0) {
                Entry *grown = reallocarray(u->entries, u->n + 1, sizeof(Entry));
                const char *name;

                if (!grown)
                        return -ENOMEM;
                u->entries = grown;
                u->entries[u->n] = (Entry) {};
                u->n++;
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = str_replace(&u->entries[u->n - 1].name, name);
                if (r >= 0)
                        r = bus_read_strv(m, &u->entries[u->n - 1].urls);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

static void on_used_by(sd_bus_message *m, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(used_by_done) UsedBy used = {};
        Query q = *(Query *) userdata;
        int r = 0;

        free(userdata);
        q.manager->pending--;
        if (!e)
                r = used_by_read(m, &used);
        if (e)
                (void) bus_error_set(&error, LXD_ERROR_UNAVAILABLE, "Cannot tell who uses the network, lxd-instanced says: %s",
                                     strempty(e->message));
        else if (r < 0)
                (void) bus_error_set(&error, LXD_ERROR_FAILED, "Failed to read who uses the network: %s", strerror(-r));
        q.callback(sd_bus_error_is_set(&error) ? NULL : &used, sd_bus_error_is_set(&error) ? &error : NULL, q.userdata);
}

int used_by_query(Manager *m, used_by_t callback, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_free_ Query *q = malloc(sizeof(Query));
        int r;

        if (!q)
                return bus_error_ensure(error, -ENOMEM);
        *q = (Query) { callback, userdata, m };
        r = bus_peer_message(m->instanced, &call, "/org/lxd/instance1", "org.lxd.instance1.References", "GetUsedBy");
        if (r >= 0)
                r = sd_bus_message_append(call, "st", "network", UINT64_C(0));
        if (r >= 0)
                r = bus_peer_call(m->instanced, call, on_used_by, q);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE, "Cannot tell who uses the network, lxd-instanced cannot be reached: %s",
                                     strerror(-r));
        TAKE_PTR(q);
        m->pending++;
        return 0;
}

char *const *used_by_get(const UsedBy *used, const char *network) {
        for (size_t i = 0; i < used->n; i++)
                if (streq(used->entries[i].name, network))
                        return used->entries[i].urls;
        return NULL;
}
