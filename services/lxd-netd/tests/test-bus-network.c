/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-netd's vtables over a socketpair, with the kernel's real interfaces and rules in a network namespace of the test's own. Only
 * lxd-instanced and the service manager are missing: the one is played here, without the other units count as started. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <json-c/json.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/file.h"
#include "bus-error.h"
#include "bus-interfaces.h"
#include "conflict.h"
#include "fixture.h"
#include "job.h"
#include "nic.h"

#define MANAGER NETD_INTERFACE("Manager")
#define NETWORK NETD_INTERFACE("Network")
#define NICS NETD_INTERFACE("Nics")
#define BR0 "/org/lxd/network1/network/default/br0"

typedef struct Context {
        Manager *manager;
        Fixture f;
        BusServer *instanced;
        const char *used; /* this network is used */
        char directory[32];
} Context;

static int method_get_used_by(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Context *c = userdata;

        if (!c->used)
                return sd_bus_reply_method_return(m, "a{sas}", 0);
        return sd_bus_reply_method_return(m, "a{sas}", 1, c->used, 1, "/1.0/instances/c1");
}

static const sd_bus_vtable references_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetUsedBy", "st", "a{sas}", method_get_used_by, 0),
        SD_BUS_VTABLE_END,
};
static const BusInterface references = { "/org/lxd/instance1", "org.lxd.instance1.References", references_vtable, NULL, NULL };

static int method_get_guest(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t guest;

        assert_true(sd_bus_message_read(m, "t", &guest) > 0);
        if (guest != 7)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Instance not found");
        return sd_bus_reply_method_return(m, "sssa{ss}a{sa{ss}}", "default", "c1", "", 0, 1, "eth0", 1, "type", "nic");
}

static const sd_bus_vtable guest_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetGuest", "tt", "sssa{ss}a{sa{ss}}", method_get_guest, 0),
        SD_BUS_VTABLE_END,
};
static const BusInterface guest_interface = { "/org/lxd/instance1", "org.lxd.instance1.Guest", guest_vtable, NULL, NULL };

static void open_manager(Context *c) {
        static const struct BusEnumerator enumerators[] = { { NETD_PREFIX_NETWORK, manager_enumerate }, {} };
        DaemonSpec spec = { .name = "netd", .root = NETD_ROOT, .owner = OPERATION_OWNER_NETD, .interfaces = manager_interfaces,
                            .enumerators = enumerators };
        _cleanup_free_ char *run = NULL, *state = NULL, *database = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        int pair[2];

        assert_int_equal(str_format(&run, "%s/run", c->directory), 0);
        assert_int_equal(str_format(&state, "%s/state", c->directory), 0);
        assert_int_equal(str_format(&database, "%s/network.db", c->directory), 0);
        assert_true(sd_event_new(&event) >= 0);
        assert_int_equal(manager_new(event, database, run, state, &c->manager), 0);
        spec.userdata = c->manager;
        c->f.event = sd_event_ref(event);
        assert_true(fixture_open(&c->f, &spec) >= 0);
        c->manager->server = c->f.server;
        c->manager->operations = c->f.operations;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(bus_server_new(event, "/org/lxd/instance1", c, &c->instanced), 0);
        assert_int_equal(bus_server_add_interface(c->instanced, &references), 0);
        assert_int_equal(bus_server_add_interface(c->instanced, &guest_interface), 0);
        assert_int_equal(bus_server_add_connection(c->instanced, pair[1]), 0);
        assert_int_equal(bus_peer_attach(c->manager->instanced, pair[0]), 0);
        assert_int_equal(manager_start(c->manager, "boot-1"), 0);
}

static void run_until_idle(Context *c) {
        while (!manager_is_idle(c->manager))
                assert_true(sd_event_run(c->f.event, UINT64_MAX) >= 0);
}

static void close_manager(Context *c) {
        c->manager = manager_free(c->manager);
        c->instanced = bus_server_free(c->instanced);
        fixture_close(&c->f);
}

static int setup(void **state) {
        Context *c = calloc(1, sizeof(Context));

        strcpy(c->directory, "/tmp/netd-test-XXXXXX");
        assert_non_null(mkdtemp(c->directory));
        open_manager(c);
        *state = c;
        return 0;
}

static int teardown(void **state) {
        _cleanup_(netlink_close) Netlink nl = { .fd = -EBADF };
        _cleanup_(link_list_done) LinkList links = {};
        Context *c = *state;

        close_manager(c);
        assert_int_equal(remove_tree_at(AT_FDCWD, c->directory), 0);
        free(c);
        /* The next test starts on a clean host. */
        assert_int_equal(netlink_open(NETLINK_ROUTE, &nl), 0);
        assert_int_equal(link_list(&nl, LINK_NSID_NONE, &links), 0);
        for (size_t i = 0; i < links.n; i++)
                if (!(links.items[i].flags & IFF_LOOPBACK))
                        (void) link_delete(&nl, links.items[i].name);
        return 0;
}

static int create(Context *c, const char *name, const char *key, const char *value, sd_bus_error *e) {
        return fixture_call(&c->f, NETD_ROOT, MANAGER, "CreateNetwork", e, "ssssa{ss}(sss)t", "default", name, "bridge", "a test",
                            key ? 1u : 0u, key ?: "", value ?: "", "root", "unix", "@", (uint64_t) 0);
}

/* sd_bus_message_appendv() wants no dummies for an empty array. */
static int create_default(Context *c, const char *name, sd_bus_error *e) {
        return fixture_call(&c->f, NETD_ROOT, MANAGER, "CreateNetwork", e, "ssssa{ss}(sss)t", "default", name, "bridge", "a test", 0u,
                            "root", "unix", "@", (uint64_t) 0);
}

static int update(Context *c, const char *key, const char *value, const char *etag, uint64_t flags, sd_bus_error *e) {
        return fixture_call(&c->f, BR0, NETWORK, "Update", e, "sa{ss}s(sss)t", "", 1u, key, value, etag, "", "", "", flags);
}

static int simple(Context *c, const char *member, sd_bus_error *e) {
        return fixture_call(&c->f, BR0, NETWORK, member, e, "(sss)t", "", "", "", (uint64_t) 0);
}

/* The metadata of a document that a method without arguments but flags returns. */
static struct json_object *describe(Context *c, const char *path, const char *member) {
        _cleanup_free_ char *text = NULL;
        struct json_object *o, *metadata;

        assert_int_equal(fixture_call(&c->f, path, NETWORK, member, NULL, "t", (uint64_t) 0), 0);
        text = fixture_document(&c->f);
        assert_non_null(text);
        o = json_tokener_parse(text);
        assert_non_null(o);
        assert_true(json_object_object_get_ex(o, "metadata", &metadata));
        json_object_get(metadata);
        json_object_put(o);
        return metadata;
}

static const char *member(struct json_object *o, const char *key) {
        struct json_object *value;

        return json_object_object_get_ex(o, key, &value) ? json_object_get_string(value) : NULL;
}

static char *config_value(Context *c, const char *key) {
        struct json_object *o = describe(c, BR0, "Describe"), *config;
        char *value = NULL;

        assert_true(json_object_object_get_ex(o, "config", &config));
        if (member(config, key))
                value = strdup(member(config, key));
        json_object_put(o);
        return value;
}

static bool has_address(Context *c, const char *interface, const char *address) {
        _cleanup_(address_list_done) AddressList list = {};
        char text[INET_TEXT_MAX];
        Link link;

        if (link_get(&c->manager->rtnl, interface, &link) < 0)
                return false;
        assert_int_equal(address_list(&c->manager->rtnl, LINK_NSID_NONE, &list), 0);
        for (size_t i = 0; i < list.n; i++)
                if (list.items[i].link == link.index && streq(inet_format_cidr(&list.items[i].prefix, text), address))
                        return true;
        return false;
}

static char *ruleset(Context *c) {
        _cleanup_free_ char *path = NULL;
        char *text = NULL;

        assert_int_equal(str_format(&path, "%s/run/firewall.nft", c->directory), 0);
        return file_read(path, 1024 * 1024, &text, NULL) < 0 ? NULL : text;
}

static void test_create(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *ipv4 = NULL, *nat = NULL, *rules = NULL, *conf = NULL, *path = NULL;
        Context *c = *state;
        Link link;

        assert_int_equal(create_default(c, "br0", &e), 0);
        ipv4 = config_value(c, "ipv4.address");
        nat = config_value(c, "ipv4.nat");
        assert_non_null(startswith(ipv4, "10."));
        assert_string_equal(nat, "true");
        assert_true(has_address(c, "br0", ipv4));
        assert_int_equal(link_get(&c->manager->rtnl, "br0", &link), 0);
        assert_string_equal(link.kind, "bridge");
        assert_true(link.flags & IFF_UP);
        assert_memory_equal(link.hwaddr, "\x00\x16\x3e", 3);
        rules = ruleset(c);
        assert_non_null(rules);
        assert_non_null(strstr(rules, "chain fwd.br0 {"));
        assert_non_null(strstr(rules, "masquerade"));
        assert_int_equal(str_format(&path, "%s/run/br0/dnsmasq.conf", c->directory), 0);
        assert_int_equal(file_read(path, 65536, &conf, NULL), 0);
        assert_non_null(strstr(conf, "interface=br0\n"));

        assert_int_equal(create_default(c, "br0", &e), -EEXIST);
        assert_string_equal(e.message, "The network already exists");
}

static void test_refused(void **state) {
        static const struct {
                const char *name, *key, *value;
                int r;
                const char *text;
        } t[] = {
                { "", "user.x", "1", -EINVAL, "No name provided" },
                { "a/b", "user.x", "1", -EINVAL, "Network interface contains invalid characters" },
                { "lo", "user.x", "1", -EEXIST, "Network interface \"lo\" already exists" },
                { "br0", "foo", "1", -EINVAL, "Invalid option for network \"br0\" option \"foo\"" },
                { "br0", "ipv4.address", "foo", -EINVAL,
                  "Invalid value for network \"br0\" option \"ipv4.address\": Invalid IPv4 CIDR address \"foo\"" },
                { "br0", "bridge.external_interfaces", "nope0", -EINVAL, "Network \"br0\": external interface \"nope0\" not found" },
        };
        Context *c = *state;
        Link link;

        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                _cleanup_(network_done) Network n = {};

                assert_int_equal(create(c, t[i].name, t[i].key, t[i].value, &e), t[i].r);
                assert_string_equal(e.message, t[i].text);
                /* Nothing is left of it. */
                assert_int_equal(db_network_load(c->manager->db, "br0", &n), -ENOENT);
                assert_int_equal(link_get(&c->manager->rtnl, "br0", &link), -ENODEV);
        }
        assert_int_equal(fixture_call(&c->f, NETD_ROOT, MANAGER, "ListNetworks", NULL, "sut", "default", 0u, (uint64_t) 8), -EINVAL);
}

static void test_same_address(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL, f = SD_BUS_ERROR_NULL;
        Context *c = *state;
        Link link;

        assert_int_equal(create(c, "br1", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/16", &e), -EINVAL);
        assert_string_equal(e.message, "The address 10.99.0.1 of network \"br0\" is the one of network \"br1\" already");
        assert_int_equal(link_get(&c->manager->rtnl, "br0", &link), -ENODEV);
        assert_int_equal(create(c, "br0", "ipv4.address", "10.98.0.1/24", NULL), 0);
        assert_int_equal(update(c, "ipv4.address", "10.99.0.1/24", "", UPDATE_MERGE | UPDATE_CONFIG, &f), -EINVAL);
        assert_true(has_address(c, "br0", "10.98.0.1/24"));
        assert_int_equal(update(c, "ipv4.address", "10.98.0.1/16", "", UPDATE_MERGE | UPDATE_CONFIG, NULL), 0);
}

static void test_not_found(void **state) {
        static const char *const members[] = { "Describe", "DescribeLeases" };
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL, f = SD_BUS_ERROR_NULL;
        Context *c = *state;

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error g = SD_BUS_ERROR_NULL;

                assert_int_equal(fixture_call(&c->f, BR0, NETWORK, members[i], &g, "t", (uint64_t) 0), -ENOENT);
                assert_string_equal(g.message, "Network not found");
        }
        assert_int_equal(simple(c, "Delete", &e), -ENOENT);
        assert_string_equal(e.message, "Network not found");
        assert_int_equal(fixture_call(&c->f, BR0, NETWORK, "DescribeState", &f, "t", (uint64_t) 0), -ENOENT);
        assert_string_equal(f.message, "Network interface \"br0\" not found");
}

static void test_update(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL, f = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *note = NULL, *ipv4 = NULL, *rules = NULL;
        Context *c = *state;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(update(c, "ipv4.address", "10.98.0.1/24", "", UPDATE_MERGE | UPDATE_CONFIG, &e), 0);
        assert_true(has_address(c, "br0", "10.98.0.1/24"));
        assert_false(has_address(c, "br0", "10.99.0.1/24"));
        assert_int_equal(update(c, "user.note", "x", "", UPDATE_MERGE | UPDATE_CONFIG, NULL), 0);
        note = config_value(c, "user.note");
        assert_string_equal(note, "x");
        assert_int_equal(update(c, "ipv4.nat", "true", "", UPDATE_MERGE | UPDATE_CONFIG, NULL), 0);
        rules = ruleset(c);
        assert_non_null(strstr(rules, "ip saddr 10.98.0.0/24 ip daddr != 10.98.0.0/24 masquerade"));
        assert_int_equal(update(c, "user.note", "y", "not-the-etag", UPDATE_MERGE | UPDATE_CONFIG, &e), -ESTALE);
        /* What cannot be applied is taken back entirely. */
        assert_int_equal(update(c, "bridge.external_interfaces", "nope0", "", UPDATE_MERGE | UPDATE_CONFIG, &f), -EINVAL);
        assert_true(has_address(c, "br0", "10.98.0.1/24"));
        ipv4 = config_value(c, "bridge.external_interfaces");
        assert_null(ipv4);
}

static void test_replace(void **state) {
        _cleanup_free_ char *nat = NULL, *ipv4 = NULL;
        Context *c = *state;

        assert_int_equal(create_default(c, "br0", NULL), 0);
        assert_int_equal(update(c, "ipv4.address", "auto", "", UPDATE_CONFIG, NULL), 0);
        ipv4 = config_value(c, "ipv4.address");
        nat = config_value(c, "ipv4.nat");
        assert_non_null(startswith(ipv4, "10."));
        assert_null(nat);
}

static void test_state(void **state) {
        struct json_object *o, *bridge, *counters;
        Context *c = *state;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        o = describe(c, BR0, "DescribeState");
        assert_string_equal(member(o, "type"), "broadcast");
        assert_string_equal(member(o, "state"), "up");
        assert_string_equal(member(o, "mtu"), "1500");
        assert_true(json_object_object_get_ex(o, "bridge", &bridge));
        assert_non_null(startswith(member(bridge, "id"), "8000.00163e"));
        assert_string_equal(member(bridge, "forward_delay"), "1500");
        assert_true(json_object_object_get_ex(o, "counters", &counters));
        assert_null(member(counters, "errors_sent"));
        json_object_put(o);
        o = describe(c, "/org/lxd/network1/network/default/lo", "Describe");
        assert_string_equal(member(o, "type"), "loopback");
        assert_string_equal(member(o, "managed"), "false");
        json_object_put(o);
}

static void test_leases(void **state) {
        static const char text[] = "1700000000 00:16:3e:01:02:03 10.99.0.7 c1 ff:x\nduid 00:01\n1700000000 1234 fd42::7 * 00:01:00\nrubbish\n";
        _cleanup_free_ char *path = NULL;
        struct json_object *o;
        Context *c = *state;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(str_format(&path, "%s/state/br0", c->directory), 0);
        assert_int_equal(mkdir_parents(path, 0755), 0);
        path = (free(path), NULL);
        assert_int_equal(str_format(&path, "%s/state/br0/dnsmasq.leases", c->directory), 0);
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
        o = describe(c, BR0, "DescribeLeases");
        assert_string_equal(member(json_object_array_get_idx(o, 0), "hostname"), "br0.gw");
        assert_string_equal(member(json_object_array_get_idx(o, 0), "type"), "gateway");
        /* No instance has this hardware address; an IPv6 lease tells none. */
        assert_int_equal(json_object_array_length(o), 3);
        assert_string_equal(member(json_object_array_get_idx(o, 2), "address"), "fd42::7");
        json_object_put(o);
}

static void test_delete(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *rules = NULL, *path = NULL;
        Context *c = *state;
        Link link;

        assert_int_equal(create_default(c, "br0", NULL), 0);
        c->used = "br0";
        assert_int_equal(simple(c, "Delete", &e), -EINVAL);
        assert_string_equal(e.message, "The network is currently in use");
        c->used = NULL;
        assert_int_equal(simple(c, "Delete", NULL), 0);
        assert_int_equal(link_get(&c->manager->rtnl, "br0", &link), -ENODEV);
        rules = ruleset(c);
        assert_null(strstr(strempty(rules), "br0"));
        assert_int_equal(str_format(&path, "%s/run/br0", c->directory), 0);
        assert_int_equal(access(path, F_OK), -1);
}

static void test_rename(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *ipv4 = NULL, *rules = NULL;
        Context *c = *state;
        Link link;

        assert_int_equal(create(c, "br0", "ipv6.address", "fd42:1::1/64", NULL), 0);
        assert_int_equal(fixture_call(&c->f, BR0, NETWORK, "Rename", &e, "s(sss)t", "lo", "", "", "", (uint64_t) 0), -EEXIST);
        assert_int_equal(fixture_call(&c->f, BR0, NETWORK, "Rename", NULL, "s(sss)t", "br1", "", "", "", (uint64_t) 0), 0);
        assert_int_equal(link_get(&c->manager->rtnl, "br0", &link), -ENODEV);
        assert_true(has_address(c, "br1", "fd42:1::1/64"));
        rules = ruleset(c);
        assert_non_null(strstr(rules, "chain fwd.br1 {"));
        assert_null(strstr(rules, "fwd.br0"));
}

/* Killed at any point: the next start finishes or undoes. */
static void test_restart(void **state) {
        Context *c = *state;
        Network half = { .name = (char *) "br7", .description = (char *) "", .hwaddr = (char *) "00:16:3e:00:00:07" };
        Link link;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(db_network_insert(c->manager->db, &half), 0);
        assert_int_equal(link_create_bridge(&c->manager->rtnl, "br7", (const uint8_t *) "\0\x16\x3e\0\0\7", 0), 0);
        assert_int_equal(link_delete(&c->manager->rtnl, "br0"), 0);
        close_manager(c);
        open_manager(c);
        run_until_idle(c);
        assert_int_equal(link_get(&c->manager->rtnl, "br7", &link), -ENODEV); /* half-made: gone */
        assert_int_equal(db_network_load(c->manager->db, "br7", &half), -ENOENT);
        assert_true(has_address(c, "br0", "10.99.0.1/24")); /* made again */
        close_manager(c);
        open_manager(c);
        run_until_idle(c);
        assert_true(has_address(c, "br0", "10.99.0.1/24")); /* taken over */
}

/* Killed between the record of a change and its end: the new configuration counts, and the old one leaves nothing behind. */
static void test_restart_in_update(void **state) {
        _cleanup_(network_done) Network n = {};
        Context *c = *state;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(update(c, "ipv4.routes", "10.55.0.0/24", "", UPDATE_MERGE | UPDATE_CONFIG, NULL), 0);
        assert_int_equal(db_network_load(c->manager->db, "br0", &n), 0);
        assert_int_equal(config_set(&n.config, "ipv4.address", "10.97.0.1/24"), 0);
        assert_int_equal(config_set(&n.config, "ipv4.routes", NULL), 0);
        assert_int_equal(db_network_set_state(c->manager->db, n.id, "updating"), 0);
        assert_int_equal(db_network_update(c->manager->db, &n), 0);
        close_manager(c);
        open_manager(c);
        run_until_idle(c);
        assert_true(has_address(c, "br0", "10.97.0.1/24"));
        assert_false(has_address(c, "br0", "10.99.0.1/24"));
        {
                _cleanup_(route_list_done) RouteList routes = {};
                InetPrefix old;

                assert_int_equal(inet_parse_cidr(AF_INET, "10.55.0.0/24", &old), 0);
                assert_int_equal(route_list(&c->manager->rtnl, &routes), 0);
                for (size_t i = 0; i < routes.n; i++)
                        assert_false(inet_equal(&routes.items[i].destination, &old));
        }
}

static int attach(Context *c, uint64_t guest, const char *instance, const char *key, const char *value, Config *ret, sd_bus_error *e) {
        int r = fixture_call(&c->f, NETD_ROOT, NICS, "Attach", e, "tsssa{ss}t", guest, "default", instance, "eth0", 3u, "type", "nic",
                             "network", "br0", key, value, (uint64_t) 0);

        if (r >= 0 && ret)
                assert_int_equal(bus_read_config(c->f.reply, ret), 0);
        return r;
}

static int attach_kind(Context *c, const char *device, const char *kind, const char *key, const char *value, uint64_t flags, Config *ret) {
        bool macvlan = streq(kind, "macvlan");
        int r = fixture_call(&c->f, NETD_ROOT, NICS, "Attach", NULL, "tsssa{ss}t", (uint64_t) 7, "default", "c1", device, 4u, "nictype", kind, key, value,
                             macvlan ? "hwaddr" : "ipv4.routes", macvlan ? "00:16:3e:00:00:09" : "10.44.0.0/24", "name", device, flags);

        return r < 0 ? r : bus_read_config(c->f.reply, ret);
}

/* A network namespace like a guest's. */
static int make_namespace(void) {
        _cleanup_close_ int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        int fd;

        assert_int_equal(unshare(CLONE_NEWNET), 0);
        fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        assert_true(home >= 0 && fd >= 0);
        assert_int_equal(setns(home, CLONE_NEWNET), 0);
        return fd;
}

static int connect_guest(Context *c, uint64_t guest, int netns, sd_bus_error *e) {
        return fixture_call(&c->f, NETD_ROOT, NICS, "ConnectGuest", e, "tht", guest, netns, (uint64_t) 0);
}

/* An interface inside of a guest. */
static bool guest_has(Context *c, uint64_t guest, const char *name, Link *ret) {
        _cleanup_(link_list_done) LinkList links = {};
        const Link *l;
        int nsid;

        assert_int_equal(db_guest_get(c->manager->db, guest, &nsid), 0);
        assert_int_equal(link_list(&c->manager->rtnl, nsid, &links), 0);
        l = link_list_find(&links, name);
        if (l)
                *ret = *l;
        return l;
}

static int detach(Context *c, uint64_t guest, const char *device, uint64_t flags) {
        return fixture_call(&c->f, NETD_ROOT, NICS, "Detach", NULL, "tst", guest, device, flags);
}

/* Killed between the calls, while a reservation was written, and when the interface was there but not the row that says so. */
static void test_restart_in_attach(void **state) {
        _cleanup_close_ int netns = make_namespace();
        _cleanup_free_ char *half = NULL;
        _cleanup_(config_done) Config a = {};
        _cleanup_(nic_done) Nic nic = {};
        Context *c = *state;
        Link host, peer, again;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(attach(c, 7, "c1", "ipv4.address", "10.99.0.5", &a, NULL), 0);
        assert_int_equal(str_format(&half, "%s/run/br0/hosts/7.eth0~", c->directory), 0);
        assert_int_equal(file_write_atomic(half, "", 0, 0644), 0);
        close_manager(c);
        open_manager(c);
        run_until_idle(c);
        assert_int_equal(connect_guest(c, 7, netns, NULL), 0);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&a, "host_name"), &host), 0);
        assert_true(guest_has(c, 7, "eth0", &peer));

        assert_int_equal(db_nic_set_state(c->manager->db, 7, "eth0", "pending"), 0);
        close_manager(c);
        open_manager(c);
        run_until_idle(c);
        assert_int_equal(connect_guest(c, 7, netns, NULL), 0);
        assert_true(guest_has(c, 7, "eth0", &again));
        assert_int_not_equal(again.index, peer.index);
        assert_int_equal(db_nic_load(c->manager->db, 7, "eth0", &nic), 0);
        assert_string_equal(nic.state, "attached");
        assert_int_equal(detach(c, 7, "", NIC_DETACH_FORGET), 0);
        assert_int_equal(access(half, F_OK), -1);
}

static void test_attach(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL, f = SD_BUS_ERROR_NULL;
        _cleanup_(config_done) Config a = {}, b = {};
        _cleanup_free_ char *path = NULL, *line = NULL;
        _cleanup_close_ int netns = make_namespace(), other = make_namespace();
        _cleanup_(address_list_done) AddressList addresses = {};
        Context *c = *state;
        Link bridge, host, peer;
        int index;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(attach(c, 7, "c1", "ipv4.address", "10.99.0.5", &a, &e), 0);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&a, "host_name"), &host), -ENODEV);
        assert_int_equal(connect_guest(c, 7, netns, NULL), 0);
        assert_int_equal(link_get(&c->manager->rtnl, "br0", &bridge), 0);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&a, "host_name"), &host), 0);
        assert_true(guest_has(c, 7, "eth0", &peer));
        assert_int_equal(host.master, bridge.index);
        assert_true(host.flags & IFF_UP);
        assert_true(peer.flags & IFF_UP);
        assert_int_equal(peer.mtu, 1500);
        assert_memory_equal(peer.hwaddr, "\x00\x16\x3e", 3);
        assert_string_equal(config_get(&a, "name"), "eth0");
        assert_int_equal(address_list(&c->manager->rtnl, LINK_NSID_NONE, &addresses), 0);
        for (size_t i = 0; i < addresses.n; i++)
                assert_int_not_equal(addresses.items[i].link, host.index); /* a bridge port speaks for nobody */
        /* What is there stays: only what is missing is made, when a device was added. */
        index = peer.index;
        assert_int_equal(connect_guest(c, 7, netns, NULL), 0);
        assert_true(guest_has(c, 7, "eth0", &peer));
        assert_int_equal(peer.index, index);
        assert_int_equal(str_format(&path, "%s/run/br0/hosts/7.eth0", c->directory), 0);
        assert_int_equal(file_read(path, 4096, &line, NULL), 0);
        assert_non_null(strstr(line, ",10.99.0.5,c1\n"));

        assert_int_equal(attach(c, 8, "c2", "ipv4.address", "10.99.0.5", NULL, &f), -EINVAL);
        assert_string_equal(f.message, "IP address \"10.99.0.5\" is in use by device \"eth0\" of instance \"c1\"");
        assert_int_equal(simple(c, "Delete", NULL), -EINVAL); /* a guest is on it */

        /* A second call replaces. */
        assert_int_equal(attach(c, 7, "c1", "ipv4.address", "10.99.0.6", &b, NULL), 0);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&a, "host_name"), &host), -ENODEV);
        assert_int_equal(connect_guest(c, 7, other, NULL), 0);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&b, "host_name"), &host), 0);
        assert_int_equal(detach(c, 7, "", 0), 0);
        assert_int_equal(detach(c, 7, "", 0), 0);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&b, "host_name"), &host), -ENODEV);
        /* The reservation outlives the guest, but not the instance. */
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(detach(c, 7, "", NIC_DETACH_FORGET), 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(simple(c, "Delete", NULL), 0);
}

static void test_filters(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(config_done) Config a = {};
        _cleanup_free_ char *rules = NULL, *after = NULL, *limited = NULL;
        _cleanup_close_ int netns = make_namespace();
        Context *c = *state;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        if (attach(c, 7, "c1", "security.ipv4_filtering", "true", &a, &e) < 0)
                fail_msg("%s", e.message);
        rules = ruleset(c);
        assert_non_null(strstr(rules, "ip saddr != { 10.99.0.2 } drop")); /* the first free one */
        assert_int_equal(connect_guest(c, 7, netns, NULL), 0);
        assert_int_equal(fixture_call(&c->f, NETD_ROOT, NICS, "Update", NULL, "tsa{ss}t", (uint64_t) 7, "eth0", 2u, "network", "br0",
                                      "limits.max", "8Mbit", (uint64_t) 0), 0);
        limited = ruleset(c);
        assert_null(strstr(limited, "ip saddr != {"));
        assert_non_null(strstr(limited, "limit rate over 1000000 bytes/second"));
        assert_int_equal(detach(c, 7, "", 0), 0);
        after = ruleset(c);
        assert_null(strstr(after, "table bridge lxd {"));
}

static void test_attach_refused(void **state) {
        static const struct {
                const char *key, *value, *text;
        } t[] = {
                { "foo", "bar", "Invalid device option \"foo\"" },
                { "hwaddr", "x", "Invalid value for device option \"hwaddr\": \"x\" is not a MAC address such as 00:16:3e:01:02:03" },
                { "parent", "br0", "Device \"eth0\": cannot use \"parent\" property in conjunction with \"network\" property" },
                { "ipv4.address", "10.1.0.5", "Device IP address \"10.1.0.5\" not within network \"br0\" subnet 10.99.0.0/24" },
                { "ipv4.address", "10.99.0.1", "IP address \"10.99.0.1\" is the one of network \"br0\" itself" },
                { "limits.max", "fast", "Invalid value for device option \"limits.max\": \"fast\" is not a number of bits per second such as 10Mbit or 1Gbit" },
        };
        _cleanup_(sd_bus_error_free) sd_bus_error f = SD_BUS_ERROR_NULL;
        _cleanup_(link_list_done) LinkList links = {};
        Context *c = *state;

        assert_int_equal(attach(c, 7, "c1", "mtu", "1500", NULL, &f), -EINVAL);
        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;

                assert_int_equal(attach(c, 7, "c1", t[i].key, t[i].value, NULL, &e), -EINVAL);
                assert_string_equal(e.message, t[i].text);
        }
        assert_int_equal(link_list(&c->manager->rtnl, LINK_NSID_NONE, &links), 0);
        assert_int_equal(links.n, 2); /* lo and br0 */
}

/* Another program's table, put there by our worker. */
static void apply_text(Context *c, const char *text) {
        _cleanup_free_ char *path = NULL, *command = NULL;

        assert_int_equal(str_format(&path, "%s/foreign.nft", c->directory), 0);
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
        assert_int_equal(str_format(&command, "%s/lxd-firewall-worker %s", secure_getenv("LXD_WORKER_DIR"), path), 0);
        assert_int_equal(system(command), 0);
}

static void test_conflict(void **state) {
        _cleanup_free_ char *chain = NULL;
        Context *c = *state;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(conflict_find_forward(&chain), -ENOENT); /* our own rules are none */
        apply_text(c, "add table ip other\n"
                      "add chain ip other FORWARD { type filter hook forward priority 0; policy accept; }\n"
                      "add chain ip other INPUT { type filter hook input priority 0; policy drop; }\n");
        assert_int_equal(conflict_find_forward(&chain), -ENOENT);
        apply_text(c, "add table ip filter\n"
                      "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }\n");
        assert_int_equal(conflict_find_forward(&chain), 0);
        assert_string_equal(chain, "ip filter FORWARD");
        apply_text(c, "delete table ip filter\ndelete table ip other\n");
}

static void test_other_kinds(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL, f = SD_BUS_ERROR_NULL, g = SD_BUS_ERROR_NULL;
        _cleanup_(config_done) Config p2p = {}, macvlan = {};
        _cleanup_(route_list_done) RouteList routes = {};
        _cleanup_free_ char *rules = NULL, *after = NULL;
        _cleanup_close_ int netns = make_namespace();
        Context *c = *state;
        InetPrefix wanted;
        Link host, guest;
        bool found = false;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(attach_kind(c, "eth0", "p2p", "limits.egress", "8Mbit", 0, &p2p), 0);
        assert_int_equal(attach_kind(c, "eth1", "macvlan", "parent", "br0", 0, &macvlan), 0);
        assert_string_equal(config_get(&macvlan, "name"), "eth1");
        assert_int_equal(connect_guest(c, 7, netns, NULL), 0);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&p2p, "host_name"), &host), 0);
        assert_int_equal(host.master, 0);
        assert_int_equal(inet_parse_cidr(AF_INET, "10.44.0.0/24", &wanted), 0);
        assert_int_equal(route_list(&c->manager->rtnl, &routes), 0);
        for (size_t i = 0; i < routes.n; i++)
                found = found || (routes.items[i].link == host.index && inet_equal(&routes.items[i].destination, &wanted));
        assert_true(found);
        rules = ruleset(c);
        assert_non_null(strstr(rules, "chain prerouting.limits {"));
        assert_true(guest_has(c, 7, "eth1", &guest));
        assert_string_equal(guest.kind, "macvlan");
        assert_true(guest.flags & IFF_UP);
        assert_memory_equal(guest.hwaddr, "\x00\x16\x3e\x00\x00\x09", 6);

        assert_int_equal(fixture_call(&c->f, NETD_ROOT, NICS, "Validate", &e, "sssa{ss}t", "default", "c1", "eth2", 3u, "nictype", "macvlan",
                                      "parent", "br0", "ipv4.address", "10.99.0.9", (uint64_t) 0), -EINVAL);
        assert_string_equal(e.message, "Device \"eth2\": a NIC of type \"macvlan\" has no option \"ipv4.address\"");
        assert_int_equal(fixture_call(&c->f, NETD_ROOT, NICS, "Validate", &f, "sssa{ss}t", "default", "c1", "eth2", 2u, "nictype", "macvlan",
                                      "parent", "nope0", (uint64_t) 0), -EINVAL);
        assert_string_equal(f.message, "Parent device \"nope0\" doesn't exist");
        assert_int_equal(fixture_call(&c->f, NETD_ROOT, NICS, "Validate", &g, "sssa{ss}t", "default", "c1", "eth2", 2u, "nictype", "sriov",
                                      "parent", "br0", (uint64_t) 0), -EOPNOTSUPP);

        /* Unplugged from a guest that goes on. */
        assert_int_equal(detach(c, 7, "eth1", 0), 0);
        assert_false(guest_has(c, 7, "eth1", &guest));
        assert_true(guest_has(c, 7, "eth0", &guest));
        assert_int_equal(detach(c, 7, "", NIC_DETACH_FORGET), 0);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&p2p, "host_name"), &host), -ENODEV);
        after = ruleset(c);
        assert_null(strstr(after, "prerouting.limits"));
}

/* For whoever wants to move the interface itself: it is here, under the name it says. */
static void test_attach_here(void **state) {
        _cleanup_(config_done) Config p2p = {}, macvlan = {};
        Context *c = *state;
        Link link;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(attach_kind(c, "eth0", "p2p", "limits.egress", "8Mbit", NIC_ATTACH_HERE, &p2p), 0);
        assert_int_equal(attach_kind(c, "eth1", "macvlan", "parent", "br0", NIC_ATTACH_HERE, &macvlan), 0);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&p2p, "link"), &link), 0);
        assert_string_equal(link.kind, "veth");
        assert_false(link.flags & IFF_UP);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&macvlan, "link"), &link), 0);
        assert_string_equal(link.kind, "macvlan");
        assert_int_equal(detach(c, 7, "", NIC_DETACH_FORGET), 0);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&p2p, "link"), &link), -ENODEV);
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&macvlan, "link"), &link), -ENODEV);
}

/* The host's own interface has the name, as on most machines; also the one that a macvlan is on. */
static void test_name_taken_on_host(void **state) {
        _cleanup_close_ int netns = make_namespace();
        _cleanup_(config_done) Config a = {}, b = {};
        Context *c = *state;
        Link before, link;

        assert_int_equal(link_create_bridge(&c->manager->rtnl, "eth0", (uint8_t[]) { 2, 0, 0, 0, 0, 1 }, 0), 0);
        assert_int_equal(link_create_bridge(&c->manager->rtnl, "eth1", (uint8_t[]) { 2, 0, 0, 0, 0, 2 }, 0), 0);
        assert_int_equal(link_get(&c->manager->rtnl, "eth0", &before), 0);
        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(attach(c, 7, "c1", "name", "eth0", &a, NULL), 0);
        assert_int_equal(attach_kind(c, "eth1", "macvlan", "parent", "eth1", 0, &b), 0);
        assert_int_equal(connect_guest(c, 7, netns, NULL), 0);
        assert_true(guest_has(c, 7, "eth0", &link));
        assert_string_equal(link.kind, "veth");
        assert_true(guest_has(c, 7, "eth1", &link));
        assert_string_equal(link.kind, "macvlan");
        assert_int_equal(link_get(&c->manager->rtnl, "eth0", &link), 0);
        assert_int_equal(link.index, before.index);
        assert_int_equal(link.flags & IFF_UP, before.flags & IFF_UP);
}

static void test_name_taken_in_guest(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_close_ int netns = make_namespace();
        _cleanup_(config_done) Config a = {};
        Context *c = *state;
        Link link;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(attach(c, 7, "c1", "name", "lo", &a, NULL), 0);
        assert_int_equal(connect_guest(c, 7, netns, &e), -EEXIST);
        assert_string_equal(e.message, "Device \"eth0\" of instance \"c1\": the instance already has an interface \"lo\"");
        assert_int_equal(link_get(&c->manager->rtnl, config_get(&a, "host_name"), &link), -ENODEV);
}

/* What is reserved for an instance that was deleted is forgotten at the next start; what is reserved for a stopped one is not. */
static void test_reservations_end(void **state) {
        _cleanup_(nic_done) Nic nic = {};
        Context *c = *state;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(attach(c, 7, "c1", "ipv4.address", "10.99.0.5", NULL, NULL), 0);
        assert_int_equal(attach(c, 8, "c2", "ipv4.address", "10.99.0.6", NULL, NULL), 0);
        assert_int_equal(detach(c, 7, "", 0), 0);
        assert_int_equal(detach(c, 8, "", 0), 0);
        close_manager(c);
        open_manager(c);
        run_until_idle(c);
        assert_int_equal(db_nic_load(c->manager->db, 8, "eth0", &nic), -ENOENT);
        assert_int_equal(db_nic_load(c->manager->db, 7, "eth0", &nic), 0);
}

/* A guest's namespace is read from outside. */
static void test_guest(void **state) {
        _cleanup_close_ int guest = make_namespace();
        _cleanup_(config_done) Config a = {};
        _cleanup_free_ char *text = NULL;
        struct json_object *o, *one, *lo;
        Context *c = *state;

        assert_int_equal(create(c, "br0", "ipv4.address", "10.99.0.1/24", NULL), 0);
        assert_int_equal(attach(c, 7, "c1", "name", "eth0", &a, NULL), 0);
        assert_int_equal(connect_guest(c, 7, guest, NULL), 0);
        assert_int_equal(connect_guest(c, 7, guest, NULL), 0);
        assert_int_equal(fixture_call(&c->f, NETD_ROOT, NICS, "DescribeGuests", NULL, "att", 2u, (uint64_t) 7, (uint64_t) 8, (uint64_t) 0), 0);
        text = fixture_document(&c->f);
        o = json_tokener_parse(text);
        assert_true(json_object_object_get_ex(o, "7", &one));
        assert_false(json_object_object_get_ex(o, "8", &lo));
        assert_true(json_object_object_get_ex(one, "lo", &lo));
        assert_string_equal(member(lo, "type"), "loopback");
        json_object_put(o);
        assert_int_equal(connect_guest(c, 7, STDIN_FILENO, NULL), -EINVAL);
}

static void write_text(const char *path, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void) fd_write_all(fd, text, strlen(text));
}

/* A network of our own; without root in a user namespace of our own too. */
static int enter_namespace(void) {
        char map[64];
        uid_t uid = getuid();
        gid_t gid = getgid();

        if (unshare(CLONE_NEWNET) >= 0)
                return 0;
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
                return -errno;
        write_text("/proc/self/setgroups", "deny");
        (void) snprintf(map, sizeof(map), "0 %u 1", uid);
        write_text("/proc/self/uid_map", map);
        (void) snprintf(map, sizeof(map), "0 %u 1", gid);
        write_text("/proc/self/gid_map", map);
        return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_create), TEST(test_refused),
                TEST(test_same_address), TEST(test_not_found), TEST(test_update),  TEST(test_replace), TEST(test_state),
                TEST(test_leases), TEST(test_delete),  TEST(test_rename),    TEST(test_restart), TEST(test_attach),  TEST(test_filters),
                TEST(test_attach_refused), TEST(test_guest), TEST(test_restart_in_update), TEST(test_restart_in_attach), TEST(test_reservations_end), TEST(test_other_kinds), TEST(test_attach_here), TEST(test_name_taken_on_host), TEST(test_name_taken_in_guest), TEST(test_conflict),
        };
        sigset_t mask;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD); /* workers are watched by the loop */
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        if (enter_namespace() < 0)
                return 77; /* skipped: this kernel lets us have no network of our own */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
