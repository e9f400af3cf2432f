/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces of guests: attaching to a bridge, live changes, detaching. */
#include "nic.h"

#include <stdio.h>

#include "bus-error.h"
#include "dhcp.h"
#include "lease.h"
#include "log.h"
#include "network-config.h"
#include "ruleset.h"
#include "undo.h"

static const int families[2] = { AF_INET, AF_INET6 };

/* What an interface is plugged into. network.name NULL = an unmanaged bridge, or the parent of a macvlan, or nothing at all. */
typedef struct Target {
        NicKind kind;
        Network network;
        Link parent; /* index 0 for p2p */
} Target;

static void target_done(Target *t) {
        network_done(&t->network);
}

static int target_find_bridge(Manager *m, const Config *config, Target *t, sd_bus_error *error) {
        const char *network = config_get_or(config, "network", ""), *parent = config_get_or(config, "parent", "");
        int r;

        r = db_network_load(m->db, isempty(network) ? parent : network, &t->network);
        if (r < 0 && r != -ENOENT)
                return bus_error_wrap(error, r, "Failed to load network \"%s\"", network);
        if (r == -ENOENT && !isempty(network))
                return bus_error_set(error, LXD_ERROR_INVALID, "Error loading network config for \"%s\": Network not found", network);
        r = link_get(&m->rtnl, isempty(network) ? parent : network, &t->parent);
        if (r < 0 && !isempty(network))
                return bus_error_set(error, LXD_ERROR_FAILED,
                                     "The bridge of network \"%s\" is not there (%s): restart lxd-netd.service to have it made again",
                                     network, strerror(-r));
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Parent device \"%s\" doesn't exist", parent);
        if (!streq(t->parent.kind, "bridge"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Parent device \"%s\" is not a bridge", t->parent.name);
        return 0;
}

static int target_find(Manager *m, const Config *config, Target *t, sd_bus_error *error) {
        t->kind = nic_config_kind(config);
        if (t->kind == NIC_BRIDGED)
                return target_find_bridge(m, config, t, error);
        if (t->kind == NIC_MACVLAN && link_get(&m->rtnl, config_get_or(config, "parent", ""), &t->parent) < 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Parent device \"%s\" doesn't exist", config_get_or(config, "parent", ""));
        return 0;
}

/* Does another interface of the network have this address? One of a stopped guest gives way. */
static int check_address_free(Manager *m, const Network *n, const char *instance, uint64_t guest, const char *device,
                              const char *address, bool take, sd_bus_error *error) {
        _cleanup_(nic_list_done) NicList nics = {};
        int r;

        r = db_nic_list_network(m->db, n->name, &nics);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to look for users of address %s", address);
        for (size_t i = 0; i < nics.n; i++) {
                const Nic *x = nics.items + i;

                if ((x->guest == guest && streq(x->device, device)) || (!streq(x->ipv4, address) && !streq(x->ipv6, address)))
                        continue;
                if (guest == 0 && streq(x->instance, instance) && streq(x->device, device))
                        continue; /* validating the device of an instance that has it already */
                if (!streq(x->state, "reserved"))
                        return bus_error_set(error, LXD_ERROR_INVALID, "IP address \"%s\" is in use by device \"%s\" of instance \"%s\"",
                                             address, x->device, x->instance);
                if (take) {
                        (void) dhcp_release(m, x);
                        (void) db_nic_delete(m->db, x->guest, x->device);
                }
        }
        return 0;
}

static int check_static(Manager *m, const Target *t, const char *project, const char *instance, uint64_t guest, const char *device,
                        const Config *config, int family, bool take, sd_bus_error *error) {
        const char *name = family == AF_INET ? "ipv4" : "ipv6", *address = network_config_family_get(config, family, "address");
        char network[INET_TEXT_MAX];
        InetPrefix prefix, p;

        if (!address || streq(address, "none") || !t->network.name)
                return 0;
        network_config_address(&t->network.config, family, &prefix);
        if (!prefix.family || !network_config_family_bool(&t->network.config, family, "dhcp", true) ||
            (family == AF_INET6 && !config_is_true(&t->network.config, "ipv6.dhcp.stateful")))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     family == AF_INET ? "Cannot specify \"%s.address\" when DHCP is disabled on network \"%s\""
                                                       : "Cannot specify \"%s.address\" when DHCP or \"ipv6.dhcp.stateful\" are disabled on network \"%s\"",
                                     name, t->network.name);
        if (inet_parse(family, address, &p) < 0 || !inet_contains(&prefix, &p))
                return bus_error_set(error, LXD_ERROR_INVALID, "Device IP address \"%s\" not within network \"%s\" subnet %s", address,
                                     t->network.name, inet_format_network(&prefix, network));
        if (inet_compare(&p, &prefix) == 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "IP address \"%s\" is the one of network \"%s\" itself", address,
                                     t->network.name);
        return check_address_free(m, &t->network, instance, guest, device, address, take, error);
}

/* A filter needs to know the address it lets through. */
static int check_filters(const Target *t, const Config *config, int family, sd_bus_error *error) {
        const char *name = family == AF_INET ? "ipv4" : "ipv6";
        _cleanup_free_ char *key = NULL;
        InetPrefix prefix;

        if (str_format(&key, "security.%s_filtering", name) < 0)
                return bus_error_ensure(error, -ENOMEM);
        if (!config_is_true(config, key) || network_config_family_get(config, family, "address"))
                return 0;
        if (!t->network.name)
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "%s filtering requires a manually specified %s.address when using an unmanaged parent bridge",
                                     family == AF_INET ? "IPv4" : "IPv6", name);
        network_config_address(&t->network.config, family, &prefix);
        if (prefix.family && !network_config_family_bool(&t->network.config, family, "dhcp", true))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "%s filtering requires %s.address when DHCP is disabled on network \"%s\"",
                                     family == AF_INET ? "IPv4" : "IPv6", name, t->network.name);
        return 0;
}

static int check_all(Manager *m, const Target *t, const char *project, const char *instance, uint64_t guest, const char *device,
                     const Config *config, bool take, sd_bus_error *error) {
        for (size_t i = 0; i < 2; i++) {
                int r = check_static(m, t, project, instance, guest, device, config, families[i], take, error);

                if (r >= 0)
                        r = check_filters(t, config, families[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_network(Manager *m, const char *project, const char *device, const Config *config, sd_bus_error *error) {
        const char *name = config_get_or(config, "network", "");
        _cleanup_(network_done) Network n = {};

        if (isempty(name) || db_network_load(m->db, name, &n) != -ENOENT)
                return 0;
        return bus_error_set(error, LXD_ERROR_NOT_FOUND,
                             "Device validation failed for \"%s\": Failed loading device \"%s\": Failed to load network \"%s\" for project \"%s\": Network not found",
                             device, device, name, project);
}

int nic_validate(Manager *m, const char *project, const char *instance, const char *device, const Config *config, sd_bus_error *error) {
        _cleanup_(target_done) Target t = {};
        int r;

        r = nic_config_check(device, config, error);
        if (r >= 0)
                r = check_network(m, project, device, config, error);
        if (r >= 0)
                r = target_find(m, config, &t, error);
        return r < 0 ? r : check_all(m, &t, project, instance, 0, device, config, false, error);
}

int nic_make_ipv6(const InetPrefix *prefix, const char *hwaddr, InetPrefix *ret) {
        InetPrefix p = inet_first(prefix);
        uint8_t a[6];

        if (prefix->length != 64 || hwaddr_parse(hwaddr, a) < 0)
                return -EINVAL;
        memcpy(p.address + 8, (uint8_t[]) { a[0] ^ 2, a[1], a[2], 0xff, 0xfe, a[3], a[4], a[5] }, 8);
        p.length = 128;
        *ret = p;
        return 0;
}

/* The address that is reserved: the one given, the one it had, or for a filter a free one. */
static int choose_address(Manager *m, const Target *t, const Nic *nic, int family, const char *former, char **ret, sd_bus_error *error) {
        const char *given = network_config_family_get(&nic->config, family, "address");
        const char *filter = family == AF_INET ? "security.ipv4_filtering" : "security.ipv6_filtering";
        char text[INET_TEXT_MAX];
        InetPrefix prefix = {}, p;
        int r;

        if (given)
                return str_replace(ret, streq(given, "none") ? "" : given);
        if (t->network.name)
                network_config_address(&t->network.config, family, &prefix);
        if (!config_is_true(&nic->config, filter) || !prefix.family)
                return str_replace(ret, "");
        if (!isempty(former) && inet_parse(family, former, &p) >= 0 && inet_contains(&prefix, &p))
                return str_replace(ret, former);
        if (family == AF_INET6 && !config_is_true(&t->network.config, "ipv6.dhcp.stateful"))
                r = nic_make_ipv6(&prefix, nic->hwaddr, &p);
        else
                r = lease_find_free(m, &t->network, family, &p);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Network \"%s\" has no free %s address for device \"%s\" of instance \"%s\"",
                                     t->network.name, family == AF_INET ? "IPv4" : "IPv6", nic->device, nic->instance);
        return str_replace(ret, inet_format(&p, text));
}

static int choose_hwaddr(Nic *nic) {
        const char *given = config_get_or(&nic->config, "hwaddr", "");
        char text[HWADDR_TEXT_MAX];
        uint8_t a[6];
        int r;

        r = isempty(given) ? hwaddr_random(a) : hwaddr_parse(given, a);
        return r < 0 ? r : str_replace(&nic->hwaddr, hwaddr_format(a, text));
}

/* Names on the host: the end that stays, and, if liblxc is to move it, the other one: random, so that it also says which attachment this is. */
static int choose_names(Nic *nic, NicKind kind) {
        const char *given = config_get_or(&nic->config, "host_name", "");
        _cleanup_free_ char *a = NULL, *b = NULL;
        int r;

        r = random_hex(4, &a);
        if (r >= 0)
                r = random_hex(4, &b);
        if (r >= 0)
                r = isempty(given) ? str_format(&nic->host_name, "veth%s", a) : str_replace(&nic->host_name, given);
        if (r >= 0 && kind == NIC_MACVLAN)
                r = str_format(&nic->link, "mac%s", b) ?: str_replace(&nic->host_name, nic->link);
        else if (r >= 0)
                r = str_format(&nic->link, "vethg%s", b);
        return r;
}

/* The first ethN that no other interface of the guest has. */
static int choose_guest_name(Nic *nic, const NicList *others) {
        if (!isempty(config_get(&nic->config, "name")))
                return 0;
        for (unsigned i = 0;; i++) {
                char name[IFNAMSIZ];
                bool taken = false;

                (void) snprintf(name, sizeof(name), "eth%u", i);
                for (size_t k = 0; k < others->n; k++)
                        taken = taken || (!streq(others->items[k].device, nic->device) &&
                                          streq_ptr(config_get(&others->items[k].config, "name"), name));
                if (!taken)
                        return config_set(&nic->config, "name", name);
        }
}

static const Nic *find_device(const NicList *nics, const char *device) {
        for (size_t i = 0; i < nics->n; i++)
                if (streq(nics->items[i].device, device))
                        return nics->items + i;
        return NULL;
}

static int choose_all(Manager *m, const Target *t, Nic *nic, const NicList *others, sd_bus_error *error) {
        const Nic *former = find_device(others, nic->device);
        int r;

        r = choose_hwaddr(nic);
        if (r >= 0)
                r = choose_names(nic, t->kind);
        if (r >= 0)
                r = choose_guest_name(nic, others);
        if (r >= 0)
                r = str_replace(&nic->network, t->network.name ?: "");
        if (r >= 0)
                r = choose_address(m, t, nic, AF_INET, former ? former->ipv4 : NULL, &nic->ipv4, error);
        if (r >= 0)
                r = choose_address(m, t, nic, AF_INET6, former ? former->ipv6 : NULL, &nic->ipv6, error);
        return r < 0 ? bus_error_ensure(error, r) : 0;
}

static int link_failed(Manager *m, int r, const Nic *nic, const char *what, sd_bus_error *error) {
        return bus_error_set(error, bus_error_from_errno(r), "Device \"%s\" of instance \"%s\": failed to %s: %s%s%s%s", nic->device,
                             nic->instance, what, strerror(-r), m->rtnl.reason[0] ? " (" : "", m->rtnl.reason,
                             m->rtnl.reason[0] ? ")" : "");
}

/* Routes of this interface lead to its bridge, where the guest answers for them; without one to the interface itself. */
static int change_routes(Manager *m, const Target *t, const Nic *nic, const Config *config, int (*change)(Netlink *nl, int index, const InetPrefix *p)) {
        Link link = t->parent;

        if (t->kind == NIC_MACVLAN || (t->kind == NIC_P2P && link_get(&m->rtnl, nic->host_name, &link) < 0))
                return 0;
        for (size_t i = 0; i < 2; i++) {
                _cleanup_free_ InetPrefix *list = NULL;
                size_t n = 0;
                int r;

                r = inet_parse_list(families[i], network_config_family_get(config, families[i], "routes") ?: "", &list, &n);
                for (size_t k = 0; r >= 0 && k < n; k++)
                        r = change(&m->rtnl, link.index, list + k);
                if (r < 0)
                        return r;
        }
        return 0;
}

typedef struct Made {
        Manager *manager;
        char name[IFNAMSIZ];
} Made;

static int undo_link(void *userdata) {
        Made *x = userdata;

        return link_delete(&x->manager->rtnl, x->name);
}

/* The kernel's part of the work. */
static int create_link(Manager *m, const Target *t, const Nic *nic, int netns_fd) {
        GuestLinkSpec spec = {
                .name = netns_fd >= 0 ? config_get_or(&nic->config, "name", "eth0") : nic->link,
                .netns_fd = netns_fd,
                .mtu = t->kind == NIC_MACVLAN ? 0 : t->parent.mtu,
                .host_name = nic->host_name,
                .parent = t->parent.index,
        };
        uint32_t mtu = 0;
        int r;

        if (parse_u32(config_get_or(&nic->config, "mtu", ""), &mtu) >= 0)
                spec.mtu = mtu;
        r = hwaddr_parse(nic->hwaddr, spec.hwaddr);
        if (r < 0)
                return r;
        if (t->kind == NIC_MACVLAN)
                return link_create_macvlan(&m->rtnl, &spec);
        return link_create_veth(&m->rtnl, &spec);
}

static int link_exists(Manager *m, const Nic *nic, int netns_fd, sd_bus_error *error) {
        Link link;

        if (netns_fd < 0 || link_get(&m->rtnl, nic->host_name, &link) >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Device \"%s\" of instance \"%s\": the host already has an interface \"%s\"",
                                     nic->device, nic->instance, nic->host_name);
        return bus_error_set(error, LXD_ERROR_EXISTS, "Device \"%s\" of instance \"%s\": the instance already has an interface \"%s\"",
                             nic->device, nic->instance, config_get_or(&nic->config, "name", "eth0"));
}

static int isolate(Manager *m, const Nic *nic, sd_bus_error *error) {
        Link link;
        int r;

        r = link_get(&m->rtnl, nic->host_name, &link);
        if (r >= 0)
                r = link_set_isolated(&m->rtnl, link.index);
        return r < 0 ? link_failed(m, r, nic, "isolate the port", error) : 0;
}

static int make_link(Manager *m, const Target *t, const Nic *nic, int netns_fd, Undo *undo, sd_bus_error *error) {
        Made *made;
        int r;

        made = calloc(1, sizeof(Made));
        if (!made)
                return bus_error_ensure(error, -ENOMEM);
        made->manager = m;
        strncpy(made->name, nic->host_name, sizeof(made->name) - 1);
        r = create_link(m, t, nic, netns_fd);
        if (r < 0) {
                free(made);
                return r == -EEXIST ? link_exists(m, nic, netns_fd, error) : link_failed(m, r, nic, "create the interface", error);
        }
        r = undo_push(undo, undo_link, made, free);
        if (r < 0)
                return bus_error_ensure(error, r);
        if (t->kind != NIC_MACVLAN)
                r = link_plug(&m->rtnl, nic->host_name, t->kind == NIC_BRIDGED ? t->parent.index : 0);
        if (r < 0)
                return link_failed(m, r, nic, "plug the interface in", error);
        return config_is_true(&nic->config, "security.port_isolation") ? isolate(m, nic, error) : 0;
}

static int apply_limits(Manager *m, const Nic *nic, bool had, sd_bus_error *error) {
        uint64_t ingress, egress;
        Link link;
        int r;

        nic_config_limits(&nic->config, &ingress, &egress);
        if (ingress == 0 && !had)
                return 0;
        r = link_get(&m->rtnl, nic->host_name, &link);
        if (r >= 0)
                r = link_set_rate(&m->rtnl, link.index, ingress);
        return r < 0 ? link_failed(m, r, nic, "limit the traffic", error) : 0;
}

static bool needs_rules(const Config *config) {
        uint64_t ingress, egress;

        nic_config_limits(config, &ingress, &egress);
        return egress > 0 || nic_config_filters(config);
}

int nic_forget(Manager *m, const Nic *nic) {
        int r = dhcp_release(m, nic);

        return r < 0 ? r : db_nic_delete(m->db, nic->guest, nic->device);
}

/* The interface itself and what goes with it. */
static int connect_nic(Manager *m, const Target *t, Nic *nic, int netns_fd, sd_bus_error *error) {
        _cleanup_(undo_run) Undo undo = {};
        int r;

        r = make_link(m, t, nic, netns_fd, &undo, error);
        if (r >= 0)
                r = apply_limits(m, nic, false, error);
        if (r >= 0) {
                r = change_routes(m, t, nic, &nic->config, route_add);
                if (r < 0)
                        r = link_failed(m, r, nic, "add its routes", error);
        }
        if (r >= 0) {
                r = str_replace(&nic->state, "attached");
                if (r >= 0)
                        r = db_nic_set_state(m->db, nic->guest, nic->device, "attached");
                if (r < 0)
                        r = bus_error_wrap(error, r, "Failed to record device \"%s\"", nic->device);
        }
        if (r >= 0)
                undo_commit(&undo);
        return r;
}

static int record(Manager *m, Nic *nic) {
        int r;

        r = str_replace(&nic->state, "pending");
        if (r >= 0)
                r = db_nic_put(m->db, nic);
        return r < 0 ? r : dhcp_reserve(m, nic);
}

int nic_attach(Manager *m, Nic *nic, uint64_t flags, done_t done, void *userdata, sd_bus_error *error) {
        _cleanup_(target_done) Target t = {};
        _cleanup_(nic_list_done) NicList others = {};
        const Nic *former;
        int r;

        r = nic_config_check(nic->device, &nic->config, error);
        if (r >= 0)
                r = target_find(m, &nic->config, &t, error);
        if (r >= 0)
                r = check_all(m, &t, nic->project, nic->instance, nic->guest, nic->device, &nic->config, true, error);
        if (r < 0)
                return r;
        r = db_nic_list_guest(m->db, nic->guest, &others);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to look for other devices");
        former = find_device(&others, nic->device);
        if (former && !streq(former->state, "reserved"))
                (void) link_delete(&m->rtnl, former->host_name);
        if (former && !streq(former->network, t.network.name ?: ""))
                (void) dhcp_release(m, former);
        r = choose_all(m, &t, nic, &others, error);
        if (r < 0)
                return r;
        r = record(m, nic);
        if (r < 0)
                r = bus_error_wrap(error, r, "Failed to record device \"%s\"", nic->device);
        else if (flags & NIC_ATTACH_HERE)
                r = connect_nic(m, &t, nic, -EBADF, error);
        if (r >= 0 && (needs_rules(&nic->config) || (former && needs_rules(&former->config)))) {
                r = ruleset_update(m, done, userdata);
                if (r >= 0)
                        return 0;
                (void) link_delete(&m->rtnl, nic->host_name); /* not without its filters */
                r = bus_error_wrap(error, r, "Failed to set the filters of device \"%s\"", nic->device);
        }
        if (r < 0) {
                (void) nic_forget(m, nic);
                return r;
        }
        done(0, NULL, userdata);
        return 0;
}

int nic_connect_all(Manager *m, uint64_t guest, int netns_fd, sd_bus_error *error) {
        _cleanup_(nic_list_done) NicList nics = {};
        int r;

        r = db_nic_list_guest(m->db, guest, &nics);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to look for devices");
        for (size_t i = 0; i < nics.n; i++) {
                _cleanup_(target_done) Target t = {};
                Nic *nic = nics.items + i;

                if (!streq(nic->state, "pending"))
                        continue;
                r = target_find(m, &nic->config, &t, error);
                if (r >= 0) {
                        (void) link_delete(&m->rtnl, nic->host_name); /* made, and then killed before that was written */
                        r = connect_nic(m, &t, nic, netns_fd, error);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

int nic_result(Manager *m, const Nic *nic, Config *ret) {
        _cleanup_(config_done) Config c = {};
        _cleanup_(nic_done) Nic now = {};
        int r;

        r = db_nic_load(m->db, nic->guest, nic->device, &now);
        if (r == -ENOENT)
                return -ENODEV;
        if (r >= 0)
                r = config_set(&c, "link", nic->link);
        if (r >= 0)
                r = config_set(&c, "host_name", nic->host_name);
        if (r >= 0)
                r = config_set(&c, "hwaddr", nic->hwaddr);
        if (r >= 0)
                r = config_set(&c, "name", config_get_or(&nic->config, "name", "eth0"));
        if (r < 0)
                return r;
        *ret = c;
        c = (Config) {};
        return 0;
}

/* What stays as it is while the guest runs. */
static int keep_fixed(const Nic *before, Nic *after) {
        static const char *const fixed[] = { "hwaddr", "host_name", "name", "network", "parent", "nictype", "mtu",
                                             "security.port_isolation" };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(fixed); i++)
                r = config_set(&after->config, fixed[i], config_get(&before->config, fixed[i]));
        if (r >= 0)
                r = str_replace(&after->hwaddr, before->hwaddr);
        return r;
}

int nic_update(Manager *m, uint64_t guest, const char *device, const Config *config, done_t done, void *userdata, sd_bus_error *error) {
        _cleanup_(target_done) Target t = {};
        _cleanup_(nic_done) Nic before = {}, after = {};
        uint64_t ingress, egress;
        int r;

        r = db_nic_load(m->db, guest, device, &before);
        if (r == -ENOENT || (r >= 0 && !streq(before.state, "attached")))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Device \"%s\" is not attached", device);
        if (r >= 0)
                r = db_nic_load(m->db, guest, device, &after);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to load device \"%s\"", device);
        config_done(&after.config);
        r = config_copy(config, &after.config);
        if (r >= 0)
                r = keep_fixed(&before, &after);
        if (r < 0)
                return bus_error_ensure(error, r);
        r = nic_config_check(device, &after.config, error);
        if (r >= 0)
                r = target_find(m, &after.config, &t, error);
        if (r >= 0)
                r = check_all(m, &t, after.project, after.instance, guest, device, &after.config, true, error);
        if (r >= 0)
                r = choose_address(m, &t, &after, AF_INET, before.ipv4, &after.ipv4, error);
        if (r >= 0)
                r = choose_address(m, &t, &after, AF_INET6, before.ipv6, &after.ipv6, error);
        if (r < 0)
                return bus_error_ensure(error, r);
        nic_config_limits(&before.config, &ingress, &egress);
        r = apply_limits(m, &after, ingress > 0, error);
        if (r < 0)
                return r;
        (void) change_routes(m, &t, &before, &before.config, route_remove);
        r = change_routes(m, &t, &after, &after.config, route_add);
        if (r < 0)
                return link_failed(m, r, &after, "change its routes", error);
        r = db_nic_put(m->db, &after);
        if (r >= 0)
                r = dhcp_reserve(m, &after);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record device \"%s\"", device);
        r = ruleset_update(m, done, userdata);
        return r < 0 ? bus_error_wrap(error, r, "Failed to set the filters of device \"%s\"", device) : 0;
}

/* A macvlan is in the guest altogether. Its address says which it is, whatever the guest calls it by now. */
static int remove_from_guest(Manager *m, const Nic *nic) {
        _cleanup_(link_list_done) LinkList links = {};
        char text[HWADDR_TEXT_MAX];
        int nsid, r;

        r = db_guest_get(m->db, nic->guest, &nsid);
        if (r >= 0)
                r = link_list(&m->rtnl, nsid, &links);
        if (r < 0)
                return 0; /* it has no namespace any more */
        for (size_t i = 0; i < links.n; i++)
                if (streq(links.items[i].kind, "macvlan") && streq(hwaddr_format(links.items[i].hwaddr, text), nic->hwaddr))
                        return link_delete_in(&m->rtnl, nsid, links.items[i].name);
        return 0;
}

static int remove_link(Manager *m, const Nic *nic, bool runs, bool *ret_found) {
        int r = link_delete(&m->rtnl, nic->host_name);

        *ret_found = r != -ENODEV;
        if (r == -ENODEV && runs && nic_config_kind(&nic->config) == NIC_MACVLAN)
                r = remove_from_guest(m, nic);
        return r == -ENODEV ? 0 : r;
}

/* Takes one interface off the host, or out of a guest that goes on. The row becomes a reservation or goes. */
static int detach_one(Manager *m, const Nic *nic, bool single, uint64_t flags) {
        bool found = true;
        Target t = {};
        int r;

        if (!streq(nic->state, "reserved")) {
                if (target_find(m, &nic->config, &t, NULL) >= 0)
                        (void) change_routes(m, &t, nic, &nic->config, route_remove);
                target_done(&t);
                r = remove_link(m, nic, single, &found);
                if (r < 0)
                        return r;
        }
        if (!found && (flags & NIC_DETACH_DYING))
                return 0;
        if (single || (flags & NIC_DETACH_FORGET))
                return nic_forget(m, nic);
        return streq(nic->state, "reserved") ? 0 : db_nic_set_state(m->db, nic->guest, nic->device, "reserved");
}

static int detach_list(Manager *m, const NicList *nics, const char *device, uint64_t flags, bool *ret_rules, sd_bus_error *error) {
        for (size_t i = 0; i < nics->n; i++) {
                const Nic *nic = nics->items + i;
                int r;

                if (!isempty(device) && !streq(nic->device, device))
                        continue;
                *ret_rules = *ret_rules || (!streq(nic->state, "reserved") && needs_rules(&nic->config));
                r = detach_one(m, nic, !isempty(device), flags);
                if (r < 0)
                        return link_failed(m, r, nic, "remove the interface", error);
        }
        return 0;
}

int nic_detach(Manager *m, uint64_t guest, const char *device, uint64_t flags, done_t done, void *userdata, sd_bus_error *error) {
        _cleanup_(nic_list_done) NicList nics = {};
        bool rules = false;
        int r;

        r = db_nic_list_guest(m->db, guest, &nics);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to look for devices");
        r = detach_list(m, &nics, device, flags, &rules, error);
        if (r < 0)
                return r;
        if (isempty(device) && !(flags & NIC_DETACH_DYING))
                (void) db_guest_delete(m->db, guest);
        if (rules) {
                r = ruleset_update(m, done, userdata);
                return r < 0 ? bus_error_ensure(error, r) : 0;
        }
        done(0, NULL, userdata);
        return 0;
}

int nic_rename_guest(Manager *m, uint64_t guest, const char *instance) {
        _cleanup_(nic_list_done) NicList nics = {};
        int r;

        r = db_nic_rename(m->db, guest, instance);
        if (r >= 0)
                r = db_nic_list_guest(m->db, guest, &nics);
        for (size_t i = 0; r >= 0 && i < nics.n; i++)
                r = dhcp_reserve(m, nics.items + i);
        return r;
}
