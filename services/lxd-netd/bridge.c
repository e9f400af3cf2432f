/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of a network: making it look as its configuration says, and taking it away. */
#include "bridge.h"

#include <linux/rtnetlink.h>
#include <unistd.h>

#include "bus-error.h"
#include "log.h"
#include "network-config.h"
#include "subnet.h"
#include "sysctl.h"

#define MTU_DEFAULT 1500U
#define MTU_TUNNEL 1400U

static const int families[2] = { AF_INET, AF_INET6 };

/* An errno of the kernel with what it was about and what the kernel says itself. */
static int link_error(Manager *m, int r, sd_bus_error *error, const char *what, const char *name) {
        return bus_error_set(error, bus_error_from_errno(r), "%s \"%s\": %s%s%s%s", what, name, strerror(-r),
                             m->rtnl.reason[0] ? " (" : "", m->rtnl.reason, m->rtnl.reason[0] ? ")" : "");
}

int bridge_choose_hwaddr(Network *n) {
        const char *given = config_get(&n->config, "bridge.hwaddr");
        char text[HWADDR_TEXT_MAX];
        uint8_t a[6];
        int r;

        if (isempty(given))
                given = config_get(&n->config, "volatile.bridge.hwaddr");
        if (!isempty(given))
                return str_replace(&n->hwaddr, given);
        if (!isempty(n->hwaddr))
                return 0;
        r = hwaddr_random(a);
        return r < 0 ? r : str_replace(&n->hwaddr, hwaddr_format(a, text));
}

static int used_prefixes(Manager *m, InetPrefix **ret, size_t *ret_n) {
        _cleanup_(address_list_done) AddressList addresses = {};
        _cleanup_(route_list_done) RouteList routes = {};
        _cleanup_free_ InetPrefix *used = NULL;
        size_t n = 0;
        int r;

        r = address_list(&m->rtnl, LINK_NSID_NONE, &addresses);
        if (r >= 0)
                r = route_list(&m->rtnl, &routes);
        if (r < 0)
                return r;
        used = calloc(addresses.n + routes.n + 1, sizeof(InetPrefix));
        if (!used)
                return -ENOMEM;
        for (size_t i = 0; i < addresses.n; i++)
                used[n++] = addresses.items[i].prefix;
        for (size_t i = 0; i < routes.n; i++)
                if (routes.items[i].type == RTN_UNICAST || routes.items[i].type == RTN_BLACKHOLE)
                        used[n++] = routes.items[i].destination;
        *ret = TAKE_PTR(used);
        *ret_n = n;
        return 0;
}

/* Networks that are down have no route, but their subnets are taken as well. */
static int used_networks(Manager *m, const Network *self, InetPrefix **used, size_t *n) {
        _cleanup_(network_list_done) NetworkList list = {};
        InetPrefix *grown;
        int r;

        r = db_network_list(m->db, &list);
        if (r < 0)
                return r;
        grown = reallocarray(*used, *n + list.n * 2 + 1, sizeof(InetPrefix));
        if (!grown)
                return -ENOMEM;
        *used = grown;
        for (size_t i = 0; i < list.n; i++)
                for (size_t k = 0; k < 2 && list.items[i].id != self->id; k++) {
                        network_config_address(&list.items[i].config, families[k], *used + *n);
                        if ((*used)[*n].family)
                                (*n)++;
                }
        return 0;
}

static int fill_address(Manager *m, Network *n, int family, bool created, sd_bus_error *error) {
        const char *family_name = family == AF_INET ? "ipv4" : "ipv6";
        const char *value = network_config_family_get(&n->config, family, "address");
        _cleanup_free_ InetPrefix *used = NULL;
        _cleanup_free_ char *key = NULL, *nat = NULL;
        char text[INET_TEXT_MAX];
        InetPrefix p;
        size_t n_used = 0;
        int r;

        if (!value && !(created && (family == AF_INET || access("/proc/sys/net/ipv6", F_OK) == 0)))
                return 0;
        if (value && !streq(value, "auto"))
                return 0;
        r = used_prefixes(m, &used, &n_used);
        if (r >= 0)
                r = used_networks(m, n, &used, &n_used);
        if (r >= 0)
                r = subnet_choose(family, used, n_used, subnet_random, &p);
        if (r == -ENOSPC)
                return bus_error_set(error, LXD_ERROR_FAILED,
                                     "Failed generating auto config: there is no free %s subnet; set %s.address to one of your choice",
                                     family == AF_INET ? "10.x.y.0/24" : "fd42::/16", family_name);
        if (r >= 0)
                r = str_format(&key, "%s.address", family_name);
        if (r >= 0)
                r = config_set(&n->config, key, inet_format_cidr(&p, text));
        if (r >= 0)
                r = str_format(&nat, "%s.nat", family_name);
        if (r >= 0 && created && isempty(config_get(&n->config, nat)))
                r = config_set(&n->config, nat, "true");
        return r < 0 ? bus_error_wrap(error, r, "Failed generating auto config") : 0;
}

/* Two DHCP servers cannot share an address. */
static int check_addresses_free(Manager *m, const Network *n, sd_bus_error *error) {
        _cleanup_(network_list_done) NetworkList list = {};
        int r;

        r = db_network_list(m->db, &list);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to look for the addresses of other networks");
        for (size_t i = 0; i < list.n; i++)
                for (size_t k = 0; k < 2 && list.items[i].id != n->id; k++) {
                        char text[INET_TEXT_MAX];
                        InetPrefix own, other;

                        network_config_address(&n->config, families[k], &own);
                        network_config_address(&list.items[i].config, families[k], &other);
                        if (own.family && other.family && inet_compare(&own, &other) == 0)
                                return bus_error_set(error, LXD_ERROR_INVALID, "The address %s of network \"%s\" is the one of network \"%s\" already",
                                                     inet_format(&own, text), n->name, list.items[i].name);
                }
        return 0;
}

int bridge_fill_config(Manager *m, Network *n, bool created, sd_bus_error *error) {
        for (size_t i = 0; i < 2; i++) {
                int r = fill_address(m, n, families[i], created, error);

                if (r < 0)
                        return r;
        }
        return check_addresses_free(m, n, error);
}

typedef struct Created {
        Manager *manager;
        char name[IFNAMSIZ];
} Created;

static int undo_create(void *userdata) {
        Created *c = userdata;

        return link_delete(&c->manager->rtnl, c->name);
}

static int push_created(Manager *m, const char *name, Undo *undo) {
        Created *c = calloc(1, sizeof(Created));

        if (!c)
                return -ENOMEM;
        c->manager = m;
        strncpy(c->name, name, sizeof(c->name) - 1);
        return undo_push(undo, undo_create, c, free);
}

/* The bridge itself: made, or taken over when it is one. */
static int ensure_bridge(Manager *m, const Network *n, Link *link, Undo *undo, sd_bus_error *error) {
        uint8_t hwaddr[6];
        int r;

        if (hwaddr_parse(n->hwaddr, hwaddr) < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "The record of network \"%s\" has no hardware address", n->name);
        r = link_get(&m->rtnl, n->name, link);
        if (r == -ENODEV) {
                r = link_create_bridge(&m->rtnl, n->name, hwaddr, 0);
                if (r < 0)
                        return link_error(m, r, error, "Failed to create the bridge", n->name);
                r = push_created(m, n->name, undo);
                if (r >= 0)
                        r = link_get(&m->rtnl, n->name, link);
        }
        if (r < 0)
                return link_error(m, r, error, "Failed to look at the interface", n->name);
        if (!streq(link->kind, "bridge"))
                return bus_error_set(error, LXD_ERROR_FAILED,
                                     "Network interface \"%s\" already exists and is no bridge: rename or remove it", n->name);
        if (memcmp(link->hwaddr, hwaddr, sizeof(hwaddr)) != 0) {
                r = link_set_hwaddr(&m->rtnl, link->index, hwaddr);
                if (r < 0)
                        return link_error(m, r, error, "Failed to set the hardware address of", n->name);
        }
        return 0;
}

static unsigned wanted_mtu(const Network *n) {
        _cleanup_strv_free_ Strv tunnels = NULL;
        uint32_t mtu;

        if (parse_u32(config_get_or(&n->config, "bridge.mtu", ""), &mtu) >= 0)
                return mtu;
        return network_config_tunnels(&n->config, &tunnels) >= 0 && tunnels ? MTU_TUNNEL : MTU_DEFAULT;
}

static int apply_link(Manager *m, const Network *n, const Link *link, sd_bus_error *error) {
        unsigned mtu = wanted_mtu(n);
        int r;

        /* No address of its own making, and no waiting for duplicates of those we give it. */
        (void) sysctl_write_interface("ipv6", n->name, "autoconf", "0");
        (void) sysctl_write_interface("ipv6", n->name, "accept_ra", "0");
        (void) sysctl_write_interface("ipv6", n->name, "accept_dad", "0");
        if (link->mtu != mtu) {
                r = link_set_mtu(&m->rtnl, link->index, mtu);
                if (r < 0)
                        return link_error(m, r, error, "Failed to set the MTU of", n->name);
        }
        r = link->flags & IFF_UP ? 0 : link_set_up(&m->rtnl, link->index, true);
        return r < 0 ? link_error(m, r, error, "Failed to bring up", n->name) : 0;
}

/* Routes of a configuration ("ipv4.routes"): added, or removed where the other configuration lacks them. */
static int change_routes(Manager *m, const Link *link, const Config *config, const Config *unless, int family,
                         int (*change)(Netlink *nl, int index, const InetPrefix *p)) {
        _cleanup_free_ InetPrefix *list = NULL, *kept = NULL;
        size_t n = 0, n_kept = 0;
        int r;

        r = inet_parse_list(family, network_config_family_get(config, family, "routes") ?: "", &list, &n);
        if (r >= 0 && unless)
                r = inet_parse_list(family, network_config_family_get(unless, family, "routes") ?: "", &kept, &n_kept);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                bool keep = false;

                for (size_t k = 0; k < n_kept; k++)
                        keep = keep || inet_equal(list + i, kept + k);
                if (!keep)
                        r = change(&m->rtnl, link->index, list + i);
        }
        return r;
}

static int apply_family(Manager *m, const Network *n, const Network *old, const Link *link, int family, sd_bus_error *error) {
        InetPrefix wanted, before = {};
        int r = 0;

        network_config_address(&n->config, family, &wanted);
        if (old)
                network_config_address(&old->config, family, &before);
        if (before.family && !inet_equal(&before, &wanted))
                r = address_remove(&m->rtnl, link->index, &before);
        if (r >= 0 && wanted.family)
                r = address_add(&m->rtnl, link->index, &wanted);
        if (r < 0)
                return link_error(m, r, error, family == AF_INET ? "Failed to set the IPv4 address of" : "Failed to set the IPv6 address of",
                                  n->name);
        if (old)
                r = change_routes(m, link, &old->config, &n->config, family, route_remove);
        if (r >= 0)
                r = change_routes(m, link, &n->config, NULL, family, route_add);
        if (r < 0)
                return link_error(m, r, error, "Failed to set the routes of", n->name);
        if (wanted.family && network_config_family_bool(&n->config, family, "routing", true)) {
                r = sysctl_forward(family);
                if (r < 0)
                        return bus_error_set(error, LXD_ERROR_FAILED,
                                             "Failed to switch %s forwarding on for network \"%s\": %s; set %s.routing to false to go without",
                                             family == AF_INET ? "IPv4" : "IPv6", n->name, strerror(-r),
                                             family == AF_INET ? "ipv4" : "ipv6");
        }
        return 0;
}

static bool has_global_address(const AddressList *list, int link) {
        for (size_t i = 0; i < list->n; i++)
                if (list->items[i].link == link && list->items[i].scope == RT_SCOPE_UNIVERSE)
                        return true;
        return false;
}

static int plug_external(Manager *m, const Network *n, const Link *bridge, const char *name, sd_bus_error *error) {
        _cleanup_(address_list_done) AddressList addresses = {};
        Link link;
        int r;

        r = link_get(&m->rtnl, name, &link);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Network \"%s\": external interface \"%s\" not found", n->name, name);
        if (link.master == bridge->index)
                return 0;
        r = address_list(&m->rtnl, LINK_NSID_NONE, &addresses);
        if (r < 0)
                return link_error(m, r, error, "Failed to look at the addresses of", name);
        if (link.master != 0 || has_global_address(&addresses, link.index))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Only unconfigured network interfaces can be bridged: \"%s\" %s", name,
                                     link.master ? "is part of another bridge or bond" : "has addresses");
        r = link_set_master(&m->rtnl, link.index, bridge->index);
        if (r >= 0)
                r = link_set_up(&m->rtnl, link.index, true);
        return r < 0 ? link_error(m, r, error, "Failed to bridge the external interface", name) : 0;
}

static int apply_external(Manager *m, const Network *n, const Network *old, const Link *bridge, sd_bus_error *error) {
        _cleanup_strv_free_ Strv wanted = NULL, before = NULL;
        Link link;
        int r;

        r = strv_split(config_get_or(&n->config, "bridge.external_interfaces", ""), ",", &wanted);
        if (r >= 0 && old)
                r = strv_split(config_get_or(&old->config, "bridge.external_interfaces", ""), ",", &before);
        if (r < 0)
                return bus_error_ensure(error, r);
        STRV_FOREACH(i, before)
                if (!strv_contains(wanted, *i) && link_get(&m->rtnl, *i, &link) >= 0 && link.master == bridge->index)
                        (void) link_set_master(&m->rtnl, link.index, 0);
        STRV_FOREACH(i, wanted) {
                r = plug_external(m, n, bridge, *i, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What a tunnel's options say. 0, -errno with error set. */
static int tunnel_read(Manager *m, const Network *n, const char *tunnel, TunnelSpec *ret, sd_bus_error *error) {
        const char *local = network_config_tunnel_get(&n->config, tunnel, "local");
        const char *remote = network_config_tunnel_get(&n->config, tunnel, "remote");
        const char *interface = network_config_tunnel_get(&n->config, tunnel, "interface");
        TunnelSpec spec = { .gre = streq_ptr(network_config_tunnel_get(&n->config, tunnel, "protocol"), "gre"), .mtu = wanted_mtu(n) };
        uint32_t port = 0, ttl = 1;
        Link link;

        (void) parse_u32(network_config_tunnel_get(&n->config, tunnel, "id") ?: "", &spec.id);
        (void) parse_u32(network_config_tunnel_get(&n->config, tunnel, "port") ?: "", &port);
        (void) parse_u32(network_config_tunnel_get(&n->config, tunnel, "ttl") ?: "", &ttl);
        spec.port = port;
        spec.ttl = ttl;
        if (local)
                (void) inet_parse(AF_UNSPEC, local, &spec.local);
        if (!remote && !spec.gre) /* multicast to whoever has the same id */
                remote = network_config_tunnel_get(&n->config, tunnel, "group") ?: "239.0.0.1";
        if (remote)
                (void) inet_parse(AF_UNSPEC, remote, &spec.remote);
        if (interface) {
                if (link_get(&m->rtnl, interface, &link) < 0)
                        return bus_error_set(error, LXD_ERROR_INVALID, "Network \"%s\": the interface \"%s\" of tunnel \"%s\" is not there",
                                             n->name, interface, tunnel);
                spec.link = link.index;
        } else if (!spec.gre && !network_config_tunnel_get(&n->config, tunnel, "remote"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Network \"%s\": a multicast tunnel needs tunnel.%s.interface", n->name,
                                     tunnel);
        *ret = spec;
        return 0;
}

static int apply_tunnel(Manager *m, const Network *n, const char *tunnel, const Link *bridge, sd_bus_error *error) {
        TunnelSpec spec;
        char name[IFNAMSIZ * 2];
        Link link;
        int r;

        (void) snprintf(name, sizeof(name), "%s-%s", n->name, tunnel);
        r = tunnel_read(m, n, tunnel, &spec, error);
        if (r < 0)
                return r;
        spec.name = name;
        r = link_get(&m->rtnl, name, &link);
        if (r == -ENODEV) {
                r = link_create_tunnel(&m->rtnl, &spec);
                if (r >= 0)
                        r = link_get(&m->rtnl, name, &link);
        }
        if (r >= 0 && link.master != bridge->index)
                r = link_set_master(&m->rtnl, link.index, bridge->index);
        if (r >= 0)
                r = link_set_up(&m->rtnl, link.index, true);
        return r < 0 ? link_error(m, r, error, "Failed to make the tunnel", name) : 0;
}

static void remove_tunnels(Manager *m, const Network *n) {
        _cleanup_strv_free_ Strv tunnels = NULL;
        char name[IFNAMSIZ * 2];

        (void) network_config_tunnels(&n->config, &tunnels);
        STRV_FOREACH(t, tunnels) {
                (void) snprintf(name, sizeof(name), "%s-%s", n->name, *t);
                (void) link_delete(&m->rtnl, name);
        }
}

static bool same_tunnels(const Config *a, const Config *b) {
        CONFIG_FOREACH(i, a)
                if (startswith(i->key, "tunnel.") && !streq_ptr(config_get(b, i->key), i->value))
                        return false;
        return true;
}

static int apply_tunnels(Manager *m, const Network *n, const Network *old, const Link *bridge, sd_bus_error *error) {
        _cleanup_strv_free_ Strv tunnels = NULL;
        int r;

        if (old && (!same_tunnels(&old->config, &n->config) || !same_tunnels(&n->config, &old->config)))
                remove_tunnels(m, old);
        r = network_config_tunnels(&n->config, &tunnels);
        if (r < 0)
                return bus_error_ensure(error, r);
        STRV_FOREACH(t, tunnels) {
                r = apply_tunnel(m, n, *t, bridge, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int bridge_configure(Manager *m, const Network *n, const Network *old, sd_bus_error *error) {
        _cleanup_(undo_run) Undo undo = {};
        Link link;
        int r;

        r = ensure_bridge(m, n, &link, &undo, error);
        if (r >= 0)
                r = apply_link(m, n, &link, error);
        for (size_t i = 0; r >= 0 && i < 2; i++)
                r = apply_family(m, n, old, &link, families[i], error);
        if (r >= 0)
                r = apply_external(m, n, old, &link, error);
        if (r >= 0)
                r = apply_tunnels(m, n, old, &link, error);
        if (r < 0) {
                remove_tunnels(m, n);
                return r;
        }
        undo_commit(&undo);
        return 0;
}

static bool route_is_wanted(const Network *n, const Route *route) {
        _cleanup_free_ InetPrefix *list = NULL;
        size_t n_list = 0;

        if (inet_parse_list(route->destination.family, network_config_family_get(&n->config, route->destination.family, "routes") ?: "",
                            &list, &n_list) < 0)
                return true;
        for (size_t i = 0; i < n_list; i++)
                if (list[i].length == route->destination.length && inet_overlap(list + i, &route->destination))
                        return true;
        return false;
}

int bridge_remove_strays(Manager *m, const Network *n) {
        _cleanup_(address_list_done) AddressList addresses = {};
        _cleanup_(route_list_done) RouteList routes = {};
        InetPrefix wanted;
        Link link;
        int r;

        r = link_get(&m->rtnl, n->name, &link);
        if (r < 0)
                return r == -ENODEV ? 0 : r;
        r = address_list(&m->rtnl, LINK_NSID_NONE, &addresses);
        if (r >= 0)
                r = route_list(&m->rtnl, &routes);
        for (size_t i = 0; r >= 0 && i < addresses.n; i++) {
                const Address *a = addresses.items + i;

                network_config_address(&n->config, a->prefix.family, &wanted);
                if (a->link == link.index && a->scope == RT_SCOPE_UNIVERSE && !inet_equal(&a->prefix, &wanted))
                        r = address_remove(&m->rtnl, link.index, &a->prefix);
        }
        for (size_t i = 0; r >= 0 && i < routes.n; i++) {
                const Route *x = routes.items + i;

                if (x->link == link.index && x->protocol == RTPROT_STATIC && x->type == RTN_UNICAST && !route_is_wanted(n, x))
                        r = route_remove(&m->rtnl, link.index, &x->destination);
        }
        return r;
}

int bridge_remove(Manager *m, const Network *n, sd_bus_error *error) {
        Link link;
        int r;

        remove_tunnels(m, n);
        r = link_get(&m->rtnl, n->name, &link);
        if (r < 0 || !streq(link.kind, "bridge")) /* another interface of that name is not ours */
                return 0;
        r = link_delete(&m->rtnl, n->name);
        return r < 0 && r != -ENODEV ? link_error(m, r, error, "Failed to remove the bridge", n->name) : 0;
}

int bridge_rename(Manager *m, const char *old_name, const char *name, sd_bus_error *error) {
        Link link;
        int r;

        r = link_get(&m->rtnl, old_name, &link);
        if (r == -ENODEV || (r >= 0 && !streq(link.kind, "bridge")))
                return 0;
        if (r >= 0)
                r = link_rename(&m->rtnl, link.index, name);
        return r < 0 ? link_error(m, r, error, "Failed to rename the bridge", old_name) : 0;
}
