/* SPDX-License-Identifier: Apache-2.0 */
/* The questions of "lxd init". */

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/str.h"
#include "init-plan.h"
#include "questions.h"
#include "yaml-json.h"

static bool check_name(const char *s) {
        return object_name_is_valid(s);
}

static bool check_interface(const char *s) {
        return interface_name_is_valid(s);
}

static bool check_block_device(const char *s) {
        struct stat st;

        if (stat(s, &st) >= 0 && S_ISBLK(st.st_mode))
                return true;
        fprintf(stderr, "\"%s\" is no block device.\n", s);
        return false;
}

static bool check_subnet(const char *s, int family) {
        _cleanup_list_ char **parts = list_split(s, '/');
        unsigned char address[16];
        uint32_t bits;

        if (streq(s, "auto") || streq(s, "none"))
                return true;
        return list_length(parts) == 2 && inet_pton(family, parts[0], address) == 1 && parse_u32(parts[1], &bits) >= 0 &&
                bits >= 1 && bits <= (family == AF_INET ? 32U : 128U);
}

static bool check_ipv4(const char *s) {
        return check_subnet(s, AF_INET);
}

static bool check_ipv6(const char *s) {
        return check_subnet(s, AF_INET6);
}

static bool check_address(const char *s) {
        unsigned char address[16];

        return streq(s, "all") || inet_pton(AF_INET, s, address) == 1 || inet_pton(AF_INET6, s, address) == 1;
}

/* "20" or "20GiB" */
static bool parse_gib(const char *s, int64_t *ret) {
        _cleanup_free_ char *number = xstrndup(s, strlen(s) - (endswith(s, "GiB") ? strlen("GiB") : 0));

        return parse_i64(number, ret) >= 0 && *ret >= 1 && *ret <= INT64_MAX >> 30;
}

static bool check_size(const char *s) {
        int64_t size;

        if (parse_gib(s, &size))
                return true;
        fprintf(stderr, "A whole number of GiB is asked for, at least 1.\n");
        return false;
}

/* A fifth of what is free, as the server itself would choose. */
static char *default_size(void) {
        struct statvfs fs;
        uint64_t size = 5;

        if (statvfs(LXD_STATE_DIR, &fs) >= 0)
                size = (uint64_t) fs.f_frsize * fs.f_bavail / 5 >> 30;
        return xformat("%" PRIu64 "GiB", size < 5 ? 5 : size > 30 ? 30 : size);
}

static int ask_loop(struct json_object *config) {
        _cleanup_free_ char *fallback = default_size(), *answer = NULL, *size = NULL;
        int64_t n = 0;
        int r;

        r = ask_string("Size in GiB of the new loop device (1GiB minimum)", fallback, check_size, &answer);
        if (r < 0)
                return r;
        (void) parse_gib(answer, &n);
        size = xformat("%" PRIi64 "GiB", n);
        jset_str(config, "size", size);
        return 0;
}

/* Where the data of a pool that is not a directory are. */
static int ask_source(const char *driver, struct json_object *config) {
        _cleanup_free_ char *source = NULL, *question = NULL;
        bool create, existing;
        int r;

        if (streq(driver, "dir"))
                return 0;
        question = xformat("Create a new %s pool?", streq(driver, "btrfs") ? "BTRFS" : driver);
        r = ask_bool(question, true, &create);
        if (r < 0)
                return r;
        if (!create) {
                r = ask_string("Name of the existing pool or dataset", NULL, NULL, &source);
                if (r >= 0)
                        jset_str(config, "source", source);
                return r;
        }
        r = ask_bool("Would you like to use an existing empty block device (e.g. a disk or partition)?", false, &existing);
        if (r < 0)
                return r;
        if (existing) {
                r = ask_string("Path to the existing block device", NULL, check_block_device, &source);
                if (r >= 0)
                        jset_str(config, "source", source);
                return r;
        }
        return ask_loop(config);
}

/* A name that is not among those there are. */
static int ask_new_name(const char *question, const char *fallback, const char *what, char *const *taken,
                        bool (*check)(const char *answer), char **ret) {
        for (;;) {
                _cleanup_free_ char *name = NULL;
                int r;

                r = ask_string(question, fallback, check, &name);
                if (r < 0)
                        return r;
                if (!list_contains(taken, name)) {
                        *ret = TAKE_PTR(name);
                        return 0;
                }
                fprintf(stderr, "The requested %s \"%s\" already exists. Please choose another name.\n", what, name);
        }
}

/* What LXD asks for and this version does not have: the question stays where people (and scripts) expect it. */
static int ask_unsupported(const char *question, const char *what) {
        bool wanted;
        int r;

        r = ask_bool(question, false, &wanted);
        if (r < 0 || !wanted)
                return r;
        return fail(-EOPNOTSUPP, "%s is not supported by this version yet; nothing was changed", what);
}

static int ask_storage(const InitState *s, struct json_object *preseed) {
        _cleanup_free_ char *name = NULL, *driver = NULL, *drivers = list_join(s->drivers, ", "), *question = NULL;
        _cleanup_json_ struct json_object *config = jnew();
        bool wanted;
        int r;

        r = ask_bool("Do you want to configure a new storage pool?", !s->pools, &wanted);
        if (r < 0 || !wanted)
                return r;
        r = ask_new_name("Name of the new storage pool", "default", "storage pool", s->pools, check_name, &name);
        if (r < 0)
                return r;

        if (list_length(s->drivers) > 1) {
                question = xformat("Name of the storage backend to use (%s)", drivers);
                r = ask_choice(question, (const char *const*) s->drivers, init_preferred_driver(s), &driver);
                if (r < 0)
                        return r;
        } else
                driver = xstrdup("dir");

        r = ask_source(driver, config);
        if (r < 0)
                return r;
        plan_add_pool(preseed, name, driver, TAKE_PTR(config));
        plan_add_device(preseed, "root", plan_new_device("disk", "path", "/", "pool", name));
        return 0;
}

/* No bridge of ours: instances may use what the host has. */
static int ask_existing(const InitState *s, struct json_object *preseed) {
        _cleanup_free_ char *name = NULL, *path = NULL;
        struct json_object *nic;
        bool wanted;
        int r;

        r = ask_bool("Would you like to configure LXD to use an existing bridge or host interface?", false, &wanted);
        if (r < 0 || !wanted)
                return r;
        r = ask_string("Name of the existing bridge or host interface", NULL, check_interface, &name);
        if (r < 0)
                return r;

        path = xformat("/sys/class/net/%s/bridge", name);
        nic = plan_new_device("nic", "nictype", access(path, F_OK) >= 0 ? "bridged" : "macvlan", "parent", name);
        jset_str(nic, "name", "eth0");
        plan_add_device(preseed, "eth0", nic);
        return 0;
}

/* NAT is only asked about for a subnet somebody chose. */
static int ask_subnet(struct json_object *config, const char *family, bool (*check)(const char *answer)) {
        _cleanup_free_ char *question = NULL, *nat = NULL, *answer = NULL, *address = NULL, *key = NULL;
        bool wanted;
        int r;

        question = xformat("What IPv%s address should be used? (CIDR subnet notation, “auto” or “none”)", family);
        r = ask_string(question, "auto", check, &answer);
        if (r < 0)
                return r;
        address = xformat("ipv%s.address", family);
        jset_str(config, address, answer);
        if (streq(answer, "auto") || streq(answer, "none"))
                return 0;

        nat = xformat("Would you like LXD to NAT IPv%s traffic on your bridge?", family);
        r = ask_bool(nat, true, &wanted);
        if (r < 0)
                return r;
        key = xformat("ipv%s.nat", family);
        jset_str(config, key, wanted ? "true" : "false");
        return 0;
}

static int ask_network(const InitState *s, struct json_object *preseed) {
        _cleanup_free_ char *fallback = init_free_bridge(s), *name = NULL;
        _cleanup_json_ struct json_object *config = jnew();
        bool wanted;
        int r;

        r = ask_bool("Would you like to create a new local network bridge?", !s->has_network, &wanted);
        if (r < 0)
                return r;
        if (!wanted)
                return ask_existing(s, preseed);

        r = ask_new_name("What should the new bridge be called?", fallback, "network bridge", s->networks, check_interface, &name);
        if (r >= 0)
                r = ask_subnet(config, "4", check_ipv4);
        if (r >= 0)
                r = ask_subnet(config, "6", check_ipv6);
        if (r < 0)
                return r;
        plan_add_network(preseed, name, TAKE_PTR(config));
        plan_add_device(preseed, "eth0", plan_new_device("nic", "name", "eth0", "network", name));
        return 0;
}

static int ask_daemon(struct json_object *preseed) {
        _cleanup_free_ char *address = NULL, *password = NULL;
        int64_t port;
        bool wanted;
        int r;

        r = ask_bool("Would you like the LXD server to be available over the network?", false, &wanted);
        if (r >= 0 && wanted) {
                r = ask_string("Address to bind LXD to (not including port)", "all", check_address, &address);
                if (r >= 0)
                        r = ask_integer("Port to bind LXD to", 1, 65535, 8443, &port);
                if (r >= 0)
                        r = ask_password("Trust password for new clients", &password);
                if (r < 0)
                        return r;
                plan_set_address(preseed, address, port);
                jset_str(jobject(preseed, "config"), "core.trust_password", password);
        }
        if (r < 0)
                return r;

        r = ask_bool("Would you like stale cached images to be updated automatically?", true, &wanted);
        if (r >= 0 && !wanted)
                jset_str(jobject(preseed, "config"), "images.auto_update_interval", "0");
        return r;
}

static int offer_preseed(struct json_object *preseed) {
        bool wanted;
        int r;

        r = ask_bool("Would you like a YAML \"lxd init\" preseed to be printed?", false, &wanted);
        return r < 0 || !wanted ? r : output_yaml(preseed);
}

int init_plan_interactive(const InitState *s, struct json_object **ret) {
        _cleanup_json_ struct json_object *preseed = jnew();
        int r;

        r = ask_unsupported("Would you like to use LXD clustering?", "Clustering");
        if (r >= 0)
                r = ask_storage(s, preseed);
        if (r >= 0)
                r = ask_unsupported("Would you like to connect to a MAAS server?", "MAAS");
        if (r >= 0)
                r = ask_network(s, preseed);
        if (r >= 0)
                r = ask_daemon(preseed);
        if (r >= 0)
                r = offer_preseed(preseed);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(preseed);
        return 0;
}
