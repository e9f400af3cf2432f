/* SPDX-License-Identifier: Apache-2.0 */
/* Making the host what a network's record says, and the reverse. */
#include "network-apply.h"

#include "bridge.h"
#include "bus-error.h"
#include "conflict.h"
#include "dhcp.h"
#include "log.h"
#include "network.h"
#include "ruleset.h"

/* Several steps that end in any order; the first failure is what counts. */
typedef struct Steps {
        Manager *manager;
        unsigned running;
        int result;
        sd_bus_error error;
        Network network;  /* for removal */
        done_t done;
        void *userdata;
} Steps;

static Steps *steps_free(Steps *s) {
        if (!s)
                return NULL;
        sd_bus_error_free(&s->error);
        network_done(&s->network);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(Steps, steps_free)

static int steps_new(Manager *m, const Network *n, done_t done, void *userdata, Steps **ret) {
        _cleanup_(steps_freep) Steps *s = calloc(1, sizeof(Steps));
        int r;

        if (!s)
                return -ENOMEM;
        *s = (Steps) { .manager = m, .running = 1, .done = done, .userdata = userdata }; /* 1: until all are begun */
        r = network_copy(n, &s->network);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static void steps_note(Steps *s, int r, const sd_bus_error *e) {
        if (r >= 0 || s->result < 0)
                return;
        s->result = r;
        if (e && sd_bus_error_is_set(e))
                (void) sd_bus_error_copy(&s->error, e);
        (void) bus_error_ensure(&s->error, r);
}

static void steps_finish(Steps *s) {
        _cleanup_(steps_freep) Steps *owned = s;

        s->manager->pending--;
        s->done(s->result, s->result < 0 ? &s->error : NULL, s->userdata);
}

static void on_applied(int r, const sd_bus_error *e, void *userdata) {
        Steps *s = userdata;

        steps_note(s, r, e);
        if (--s->running == 0)
                steps_finish(s);
}

int network_apply(Manager *m, const Network *n, const Network *old, done_t done, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Steps *s;
        int r;

        r = bridge_configure(m, n, old, error);
        if (r >= 0)
                r = steps_new(m, n, done, userdata, &s);
        if (r < 0)
                return bus_error_ensure(error, r);
        m->pending++;
        s->running += 2;
        r = ruleset_update(m, on_applied, s);
        if (r < 0)
                on_applied(r, NULL, s);
        r = dhcp_configure(m, n, on_applied, s, &e);
        if (r < 0)
                on_applied(r, &e, s);
        on_applied(0, NULL, s);
        return 0;
}

/* The server is gone and so are the rules: now the interface. */
static void on_remove_ready(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Steps *s = userdata;

        steps_note(s, r, e);
        if (--s->running > 0)
                return;
        if (s->result >= 0) {
                r = bridge_remove(s->manager, &s->network, &error);
                if (r >= 0)
                        r = dhcp_remove(s->manager, s->network.name);
                if (r < 0 && !sd_bus_error_is_set(&error))
                        (void) bus_error_wrap(&error, r, "Failed to remove the files of network \"%s\"", s->network.name);
                steps_note(s, r, &error);
        }
        steps_finish(s);
}

int network_remove(Manager *m, const Network *n, done_t done, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Steps *s;
        int r;

        r = steps_new(m, n, done, userdata, &s);
        if (r < 0)
                return bus_error_ensure(error, r);
        m->pending++;
        s->running += 2;
        r = ruleset_update(m, on_remove_ready, s);
        if (r < 0)
                on_remove_ready(r, NULL, s);
        r = dhcp_stop(m, n->name, on_remove_ready, s, &e);
        if (r < 0)
                on_remove_ready(r, &e, s);
        on_remove_ready(0, NULL, s);
        return 0;
}

int network_finish_rename(Manager *m, const char *old_name, const Network *n, done_t done, void *userdata, sd_bus_error *error) {
        int r;

        r = bridge_rename(m, old_name, n->name, error);
        if (r < 0)
                return r;
        r = dhcp_rename(m, old_name, n->name);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to move the leases of network \"%s\"", old_name);
        return network_apply(m, n, NULL, done, userdata, error);
}

/* Start of the daemon. */

static void on_start(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_free_ char *name = userdata;

        if (r < 0)
                log_at(LOG_ERR, r, (&(LogFields) { .network = name }), "Network \"%s\" is not complete: %s", name,
                       e ? e->message : strerror(-r));
}

typedef struct Removal {
        Manager *manager;
        int64_t id;
} Removal;

static void on_leftover_removed(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_free_ Removal *x = userdata;

        if (r >= 0)
                (void) db_network_delete(x->manager->db, x->id);
        else
                log_warning("Failed to remove the rest of a network: %s", e ? e->message : strerror(-r));
}

static int remove_leftover(Manager *m, const Network *n, sd_bus_error *error) {
        Removal *x = malloc(sizeof(Removal));
        int r;

        if (!x)
                return -ENOMEM;
        *x = (Removal) { m, n->id };
        log_at(LOG_NOTICE, 0, (&(LogFields) { .network = n->name, .message_id = LXD_MSG_LEFTOVER_REMOVED }),
               "Removing network \"%s\", which was %s when the daemon ended.", n->name,
               streq(n->state, "pending") ? "being created" : "being deleted");
        (void) db_network_set_state(m->db, n->id, "deleting");
        r = network_remove(m, n, on_leftover_removed, x, error);
        if (r < 0)
                free(x);
        return r;
}

static int start_one(Manager *m, const Network *n, sd_bus_error *error) {
        char *name;
        int r;

        if (m->first_start) /* of this boot: not each time the daemon wakes up */
                conflict_explain(n);
        if (streq(n->state, "pending") || streq(n->state, "deleting"))
                return remove_leftover(m, n, error);
        name = strdup(n->name);
        if (!name)
                return -ENOMEM;
        if (streq(n->state, "updating")) { /* the record is complete: go on with it, without what was there before */
                r = bridge_remove_strays(m, n);
                if (r < 0)
                        log_warning_errno(r, "Network \"%s\" may have addresses it had before: %m", n->name);
                (void) db_network_set_state(m->db, n->id, "created");
        }
        if (!isempty(n->old_name)) {
                r = network_finish_rename(m, n->old_name, n, on_start, name, error);
                if (r >= 0)
                        (void) db_network_rename_end(m->db, n->id);
        } else
                r = network_apply(m, n, NULL, on_start, name, error);
        if (r < 0)
                free(name);
        return r;
}

int network_start_all(Manager *m) {
        _cleanup_(network_list_done) NetworkList list = {};
        int r;

        r = db_network_list(m->db, &list);
        if (r < 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                r = start_one(m, list.items + i, &error);
                if (r < 0) /* one network that cannot come up does not keep the others down */
                        log_at(LOG_ERR, r, (&(LogFields) { .network = list.items[i].name }), "Failed to start network \"%s\": %s",
                               list.items[i].name, error.message ?: strerror(-r));
        }
        return 0;
}
