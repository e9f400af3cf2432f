/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that a network has given out. */
#include "lease.h"

#include <stdio.h>

#include "base/file.h"
#include "dhcp.h"
#include "network-config.h"
#include "nic.h"

#define LEASES_MAX (64U * 1024U * 1024U)

static int lease_load(Manager *m, const char *network, LeaseList *ret) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        int r;

        r = str_format(&path, "%s/%s/dnsmasq.leases", m->state_dir, network);
        if (r >= 0)
                r = file_read(path, LEASES_MAX, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return lease_parse(text, ret);
}

static void write_lease(JsonWriter *w, const char *hostname, const char *hwaddr, const char *address, const char *type,
                        const char *location) {
        json_object_begin(w, NULL);
        json_string(w, "hostname", hostname);
        json_string(w, "hwaddr", hwaddr);
        json_string(w, "address", address);
        json_string(w, "type", type);
        json_string(w, "location", location);
        json_object_end(w);
}

/* What the guests of the network have for sure: reserved addresses, and the one an IPv6 prefix gives a running guest. */
static void write_nic_leases(JsonWriter *w, const Network *n, const Nic *nic, Strv *known) {
        char text[INET_TEXT_MAX];
        InetPrefix prefix, address;

        if (!isempty(nic->ipv4)) {
                write_lease(w, nic->instance, nic->hwaddr, nic->ipv4, "static", "none");
                (void) strv_extend(known, nic->ipv4);
        }
        network_config_address(&n->config, AF_INET6, &prefix);
        if (!isempty(nic->ipv6)) {
                write_lease(w, nic->instance, nic->hwaddr, nic->ipv6, "static", "none");
                (void) strv_extend(known, nic->ipv6);
        } else if (prefix.family && !config_is_true(&n->config, "ipv6.dhcp.stateful") && !streq(nic->state, "reserved") &&
                   nic_make_ipv6(&prefix, nic->hwaddr, &address) >= 0)
                write_lease(w, nic->instance, nic->hwaddr, inet_format(&address, text), "dynamic", "none");
}

static const Nic *find_nic(const NicList *nics, const Lease *lease) {
        for (size_t i = 0; i < nics->n; i++) {
                _cleanup_free_ char *name = NULL;

                if (lease->hwaddr[0] ? strcasecmp(nics->items[i].hwaddr, lease->hwaddr) == 0
                                     : dhcp_host_name(nics->items[i].project, nics->items[i].instance, &name) >= 0 &&
                                                       streq(name, lease->name))
                        return nics->items + i;
        }
        return NULL;
}

int lease_exists(Manager *m, const Nic *nic) {
        _cleanup_(lease_list_done) LeaseList leases = {};
        int r = lease_load(m, nic->network, &leases);

        for (size_t i = 0; r >= 0 && i < leases.n; i++)
                if (find_nic(&(NicList) { .items = (Nic *) nic, .n = 1 }, leases.items + i))
                        return 1;
        return r < 0 ? r : 0;
}

int lease_describe(Manager *m, const Network *n, JsonWriter *w) {
        static const int families[2] = { AF_INET, AF_INET6 };
        _cleanup_(lease_list_done) LeaseList leases = {};
        _cleanup_(nic_list_done) NicList nics = {};
        _cleanup_strv_free_ Strv known = NULL;
        char gateway[32], text[INET_TEXT_MAX];
        InetPrefix p;
        int r;

        r = db_nic_list_network(m->db, n->name, &nics);
        if (r >= 0)
                r = lease_load(m, n->name, &leases);
        if (r < 0)
                return r;
        json_array_begin(w, NULL);
        (void) snprintf(gateway, sizeof(gateway), "%s.gw", n->name);
        for (size_t i = 0; i < 2; i++) {
                network_config_address(&n->config, families[i], &p);
                if (p.family)
                        write_lease(w, gateway, "", inet_format(&p, text), "gateway", "");
        }
        for (size_t i = 0; i < nics.n; i++)
                write_nic_leases(w, n, nics.items + i, &known);
        for (size_t i = 0; i < leases.n; i++) {
                const Lease *l = leases.items + i;
                const Nic *nic = find_nic(&nics, l);

                /* As LXD has it: machines that are no instances are not shown, but IPv6 leases have no hardware address to know them by. */
                if (!strv_contains(known, l->address) && (nic || !l->hwaddr[0]))
                        write_lease(w, nic ? nic->instance : l->name, nic ? nic->hwaddr : "", l->address, "dynamic", "none");
        }
        json_array_end(w);
        return 0;
}

static bool is_taken(const InetPrefix *p, const InetPrefix *self, const LeaseList *leases, const NicList *nics) {
        char text[INET_TEXT_MAX];

        if (inet_compare(p, self) == 0)
                return true;
        inet_format(p, text);
        for (size_t i = 0; i < leases->n; i++)
                if (streq(leases->items[i].address, text))
                        return true;
        for (size_t i = 0; i < nics->n; i++)
                if (streq(nics->items[i].ipv4, text) || streq(nics->items[i].ipv6, text))
                        return true;
        return false;
}

int lease_find_free(Manager *m, const Network *n, int family, InetPrefix *ret) {
        const char *ranges = network_config_family_get(&n->config, family, "dhcp.ranges");
        _cleanup_(lease_list_done) LeaseList leases = {};
        _cleanup_(nic_list_done) NicList nics = {};
        _cleanup_strv_free_ Strv items = NULL;
        InetPrefix self, a, b;
        int r;

        network_config_address(&n->config, family, &self);
        if (!self.family)
                return -ENOSPC;
        r = db_nic_list_network(m->db, n->name, &nics);
        if (r >= 0)
                r = lease_load(m, n->name, &leases);
        if (r >= 0 && ranges)
                r = strv_split(ranges, ",", &items);
        if (r < 0)
                return r;
        a = inet_first(&self);
        a = inet_add(&a, 2);
        b = inet_last(&self);
        if (family == AF_INET)
                b = inet_add(&b, -1);
        for (char **i = items;; i++) {
                if (items && (!*i || inet_parse_range(family, *i, &a, &b) < 0))
                        return -ENOSPC;
                for (; inet_compare(&a, &b) <= 0; a = inet_add(&a, 1))
                        if (!is_taken(&a, &self, &leases, &nics)) {
                                *ret = a;
                                return 0;
                        }
                if (!items)
                        return -ENOSPC;
        }
}
