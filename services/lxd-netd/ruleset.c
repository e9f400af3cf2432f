/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the kernel's packet filter equal to what the database says.
 *
 * libnftables is large and remembers a lot, so it lives in a worker that is gone after each change. What was applied is kept in
 * firewall.nft: the small process lxd-firewall-watch looks after it while lxd-netd sleeps. */
#include "ruleset.h"

#include <fcntl.h>

#include "base/file.h"
#include "bus-error.h"
#include "firewall.h"
#include "log.h"
#include "network-config.h"
#include "nic-config.h"
#include "worker.h"

#define RULESET_MAX (64U * 1024U * 1024U)
#define WATCH_UNIT "lxd-firewall.service"

typedef struct Waiter {
        done_t done;
        void *userdata;
        struct Waiter *next;
} Waiter;

struct Ruleset {
        Manager *manager;
        char *path;
        char *applied;   /* text in the kernel, NULL = nothing of ours */
        char *applying;  /* text that the worker has */
        Worker *worker;
        Waiter *running; /* wait for the worker */
        Waiter *queued;  /* came later: need another run */
};

int ruleset_new(Manager *m, Ruleset **ret) {
        Ruleset *r = calloc(1, sizeof(Ruleset));
        int k;

        if (!r)
                return -ENOMEM;
        r->manager = m;
        k = str_format(&r->path, "%s/firewall.nft", m->run_dir);
        if (k >= 0)
                k = file_read(r->path, RULESET_MAX, &r->applied, NULL);
        if (k < 0 && k != -ENOENT) {
                ruleset_free(r);
                return k;
        }
        *ret = r;
        return 0;
}

static void waiters_call(Waiter *w, int r, const sd_bus_error *e) {
        while (w) {
                Waiter *next = w->next;

                w->done(r, e, w->userdata);
                free(w);
                w = next;
        }
}

Ruleset *ruleset_free(Ruleset *r) {
        if (!r)
                return NULL;
        worker_free(r->worker);
        for (Waiter *w = r->running ?: r->queued; w;) {
                Waiter *next = w->next;

                free(w);
                w = next;
        }
        free(r->path);
        free(r->applied);
        free(r->applying);
        free(r);
        return NULL;
}

bool ruleset_is_busy(Ruleset *r) {
        return r->worker || r->queued;
}

static void fill_family(const Network *n, int family, FirewallFamily *ret) {
        const char *nat_address = network_config_family_get(&n->config, family, "nat.address");

        network_config_address(&n->config, family, &ret->address);
        ret->nat = network_config_family_bool(&n->config, family, "nat", false);
        ret->nat_after = streq_ptr(network_config_family_get(&n->config, family, "nat.order"), "after");
        if (nat_address)
                (void) inet_parse(family, nat_address, &ret->nat_address);
        ret->filter = network_config_family_bool(&n->config, family, "firewall", true);
        ret->routing = network_config_family_bool(&n->config, family, "routing", true);
        ret->dhcp = network_config_family_bool(&n->config, family, "dhcp", true);
}

typedef struct Source {
        NetworkList networks;
        NicList nics;
        FirewallNetwork *firewall_networks;
        FirewallNic *firewall_nics;
        InetPrefix **allowed; /* lists that firewall_nics point to */
        size_t n_allowed;
} Source;

static void source_done(Source *s) {
        for (size_t i = 0; i < s->n_allowed; i++)
                free(s->allowed[i]);
        free(s->allowed);
        free(s->firewall_networks);
        free(s->firewall_nics);
        network_list_done(&s->networks);
        nic_list_done(&s->nics);
}

/* The database as a specification. */
static int source_load(Manager *m, Source *s, FirewallSpec *ret) {
        int r;

        r = db_network_list(m->db, &s->networks);
        if (r >= 0)
                r = db_nic_list(m->db, &s->nics);
        if (r < 0)
                return r;
        s->firewall_networks = calloc(s->networks.n + 1, sizeof(FirewallNetwork));
        s->firewall_nics = calloc(s->nics.n + 1, sizeof(FirewallNic));
        s->allowed = calloc(s->nics.n * 2 + 1, sizeof(InetPrefix *));
        if (!s->firewall_networks || !s->firewall_nics || !s->allowed)
                return -ENOMEM;
        *ret = (FirewallSpec) { .networks = s->firewall_networks, .nics = s->firewall_nics };
        for (size_t i = 0; i < s->networks.n; i++) {
                const Network *n = s->networks.items + i;

                if (streq(n->state, "deleting"))
                        continue;
                s->firewall_networks[ret->n_networks].bridge = n->name;
                fill_family(n, AF_INET, s->firewall_networks[ret->n_networks].family);
                fill_family(n, AF_INET6, s->firewall_networks[ret->n_networks].family + 1);
                ret->n_networks++;
        }
        for (size_t i = 0; i < s->nics.n; i++) {
                if (streq(s->nics.items[i].state, "reserved"))
                        continue;
                r = nic_fill_firewall(s->nics.items + i, s->firewall_nics + ret->n_nics, s->allowed + s->n_allowed);
                if (r < 0)
                        return r;
                s->n_allowed += 2;
                ret->n_nics++;
        }
        return 0;
}

static int ruleset_text(Ruleset *r, char **ret) {
        _cleanup_(source_done) Source source = {};
        FirewallSpec spec;
        int k;

        k = source_load(r->manager, &source, &spec);
        if (k < 0)
                return k;
        spec.had_nics = r->applied && strstr(r->applied, "\ntable bridge lxd {");
        return firewall_build(&spec, ret);
}

static int ruleset_run(Ruleset *r);

static bool has_rules(const char *text) {
        return text && strstr(text, "lxd {");
}

/* The watcher runs while there is something to watch. */
static void adjust_watcher(Ruleset *r, bool had, bool has) {
        int k = 0;

        if (!r->manager->units || had == has)
                return;
        if (has)
                k = unit_start(r->manager->units, WATCH_UNIT, NULL, NULL);
        else
                k = unit_stop(r->manager->units, WATCH_UNIT, NULL, NULL);
        if (k < 0)
                log_warning_errno(k, "Failed to %s %s; rules that another program flushes do not come back: %m",
                                  has ? "start" : "stop", WATCH_UNIT);
}

static void ruleset_finish(Ruleset *r, int result, const sd_bus_error *e) {
        Waiter *waiters = TAKE_PTR(r->running);
        int k;

        if (result >= 0) {
                bool had = has_rules(r->applied);

                free(r->applied);
                r->applied = TAKE_PTR(r->applying);
                k = file_write_atomic(r->path, r->applied, strlen(r->applied), 0600);
                if (k < 0)
                        log_warning_errno(k, "Failed to write %s; rules that another program flushes do not come back: %m", r->path);
                adjust_watcher(r, had, has_rules(r->applied));
        } else
                r->applying = (free(r->applying), NULL);
        waiters_call(waiters, result, e);
        if (r->queued && !r->worker) {
                r->running = TAKE_PTR(r->queued);
                k = ruleset_run(r);
                if (k < 0) {
                        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                        bus_error_ensure(&error, k);
                        waiters_call(TAKE_PTR(r->running), k, &error);
                }
        }
}

static void on_applied(Worker *w, int result, const sd_bus_error *e, const Config *results, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Ruleset *r = userdata;

        r->worker = NULL;
        if (result < 0)
                (void) bus_error_set(&error, LXD_ERROR_FAILED, "Failed to apply the firewall rules: %s", e ? e->message : strerror(-result));
        ruleset_finish(r, result, result < 0 ? &error : NULL);
}

/* Builds and applies for those in r->running. */
static int ruleset_run(Ruleset *r) {
        static const WorkerCallbacks callbacks = { .done = on_applied };
        char *const argv[] = { (char *) "lxd-firewall-worker", NULL };
        _cleanup_close_ int fd = -EBADF;
        int k;

        r->applying = (free(r->applying), NULL);
        k = ruleset_text(r, &r->applying);
        if (k < 0)
                return k;
        if (streq_ptr(r->applying, r->applied) || (!r->applied && !has_rules(r->applying))) {
                waiters_call(TAKE_PTR(r->running), 0, NULL);
                return 0;
        }
        fd = memfd_new_sealed("ruleset", r->applying, strlen(r->applying));
        if (fd < 0)
                return fd;
        return worker_spawn(r->manager->event, argv, &fd, 1, &callbacks, r, &r->worker);
}

int ruleset_update(Manager *m, done_t done, void *userdata) {
        Ruleset *r = m->ruleset;
        Waiter *w = calloc(1, sizeof(Waiter));
        int k;

        if (!w)
                return -ENOMEM;
        *w = (Waiter) { done, userdata, NULL };
        if (r->worker) {
                w->next = r->queued;
                r->queued = w;
                return 0;
        }
        r->running = w;
        k = ruleset_run(r);
        if (k < 0) {
                r->running = NULL;
                free(w);
        }
        return k;
}
