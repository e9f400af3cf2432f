/* SPDX-License-Identifier: Apache-2.0 */
/* Decides what a new server is to have. */

#include "init-plan.h"

void init_state_done(InitState *s) {
        list_free(s->drivers);
        list_free(s->networks);
        list_free(s->pools);
        json_object_put(s->devices);
        *s = (InitState) {};
}

static int load_drivers(Client *client, InitState *s) {
        _cleanup_reply_ Reply reply = {};
        struct json_object *list;
        int r;

        r = client_get(client, "/1.0", &reply);
        if (r < 0)
                return r;
        list = jget(reply.metadata, "environment.storage_supported_drivers");
        for (size_t i = 0; i < jlen(list); i++) {
                struct json_object *o = jat(list, i);

                list_append(&s->drivers, xstrdup(isempty(jstr(o, "name")) ? jstr(o, "Name") : jstr(o, "name")));
        }
        return 0;
}

static int load_networks(Client *client, InitState *s) {
        _cleanup_reply_ Reply reply = {};
        int r;

        r = client_get(client, "/1.0/networks?recursion=1", &reply);
        for (size_t i = 0; r >= 0 && i < jlen(reply.metadata); i++) {
                struct json_object *o = jat(reply.metadata, i);

                list_append(&s->networks, xstrdup(jstr(o, "name")));
                s->has_network = s->has_network || jbool(o, "managed");
        }
        return r;
}

int init_state_load(Client *client, InitState *ret) {
        _cleanup_(init_state_done) InitState s = {};
        _cleanup_reply_ Reply pools = {}, profile = {};
        int r;

        r = load_drivers(client, &s);
        if (r >= 0)
                r = load_networks(client, &s);
        if (r >= 0)
                r = client_get(client, "/1.0/storage-pools?recursion=1", &pools);
        if (r >= 0)
                r = client_get(client, "/1.0/profiles/default", &profile);
        if (r < 0)
                return r;

        for (size_t i = 0; i < jlen(pools.metadata); i++)
                list_append(&s.pools, xstrdup(jstr(jat(pools.metadata, i), "name")));
        s.devices = json_object_get(jget(profile.metadata, "devices"));
        *ret = s;
        s = (InitState) {};
        return 0;
}

const char *init_preferred_driver(const InitState *s) {
        return list_contains(s->drivers, "btrfs") ? "btrfs" : "dir";
}

int init_check_options(const InitOptions *o, bool automatic) {
        bool loop_or_device = o->storage_loop >= 0 || o->storage_device;

        if (!automatic && (o->network_address || o->network_port >= 0 || o->storage_backend || loop_or_device ||
                           o->storage_pool || o->trust_password))
                return fail(-EINVAL, "Configuration flags require --auto");
        if (o->storage_loop >= 0 && o->storage_device)
                return fail(-EINVAL, "Only one of --storage-create-device or --storage-create-loop can be specified");
        if ((loop_or_device || o->storage_pool) && o->storage_backend && streq(o->storage_backend, "dir"))
                return fail(-EINVAL, "None of --storage-pool, --storage-create-device or --storage-create-loop may be used "
                            "with the 'dir' backend");
        if (!o->network_address && o->network_port >= 0)
                return fail(-EINVAL, "--network-port can't be used without --network-address");
        if (!o->network_address && o->trust_password)
                return fail(-EINVAL, "--trust-password can't be used without --network-address");
        return 0;
}

static struct json_object *plan_list(struct json_object *preseed, const char *member) {
        struct json_object *list = jget(preseed, member);

        if (!list) {
                list = json_object_new_array();
                jset(preseed, member, list);
        }
        return list;
}

void plan_add_pool(struct json_object *preseed, const char *name, const char *driver, struct json_object *config) {
        struct json_object *o = jnew();

        jset_str(o, "name", name);
        jset_str(o, "driver", driver);
        jset(o, "config", config);
        json_object_array_add(plan_list(preseed, "storage_pools"), o);
}

void plan_add_network(struct json_object *preseed, const char *name, struct json_object *config) {
        struct json_object *o = jnew();

        jset_str(o, "name", name);
        jset_str(o, "type", "bridge");
        jset(o, "config", config);
        json_object_array_add(plan_list(preseed, "networks"), o);
}

struct json_object *plan_new_device(const char *type, const char *key, const char *value, const char *key2, const char *value2) {
        struct json_object *o = jnew();

        jset_str(o, "type", type);
        jset_str(o, key, value);
        jset_str(o, key2, value2);
        return o;
}

/* A device of the default profile. */
void plan_add_device(struct json_object *preseed, const char *name, struct json_object *device) {
        struct json_object *profiles = plan_list(preseed, "profiles"), *profile = jat(profiles, 0);

        if (!profile) {
                profile = jnew();
                jset_str(profile, "name", "default");
                json_object_array_add(profiles, profile);
        }
        jset(jobject(profile, "devices"), name, device);
}

/* IPv6 addresses need brackets before a port. */
void plan_set_address(struct json_object *preseed, const char *address, int64_t port) {
        const char *bare = streq(address, "all") ? "::" : address;
        _cleanup_free_ char *text = xformat(strchr(bare, ':') && bare[0] != '[' ? "[%s]:%" PRIi64 : "%s:%" PRIi64,
                                            bare, port >= 0 ? port : 8443);

        jset_str(jobject(preseed, "config"), "core.https_address", text);
}

char *init_free_bridge(const InitState *s) {
        for (unsigned i = 0;; i++) {
                char *name = xformat("lxdbr%u", i);

                if (!list_contains(s->networks, name))
                        return name;
                free(name);
        }
}

static bool profile_has(const InitState *s, const char *type, const char *path) {
        JFOREACH(m, s->devices)
                if (streq(jstr(m.value, "type"), type) && (!path || streq(jstr(m.value, "path"), path)))
                        return true;
        return false;
}

static void plan_auto_pool(struct json_object *preseed, const InitState *s, const InitOptions *o) {
        struct json_object *config = jnew();
        const char *pool = "default";

        if (o->storage_loop >= 0) {
                _cleanup_free_ char *size = xformat("%" PRIi64 "GB", o->storage_loop);
                jset_str(config, "size", size);
        }
        if (o->storage_device)
                jset_str(config, "source", o->storage_device);
        else if (o->storage_pool)
                jset_str(config, "source", o->storage_pool);
        plan_add_pool(preseed, pool, o->storage_backend ?: init_preferred_driver(s), config);
        if (!profile_has(s, "disk", "/"))
                plan_add_device(preseed, "root", plan_new_device("disk", "path", "/", "pool", pool));
}

struct json_object *init_plan_auto(const InitState *s, const InitOptions *o) {
        struct json_object *preseed = jnew();

        if (o->network_address)
                plan_set_address(preseed, o->network_address, o->network_port);
        if (o->trust_password)
                jset_str(jobject(preseed, "config"), "core.trust_password", o->trust_password);
        if (!s->pools)
                plan_auto_pool(preseed, s, o);
        if (!s->has_network) {
                _cleanup_free_ char *bridge = init_free_bridge(s);
                struct json_object *config = jnew();

                jset_str(config, "ipv4.address", "auto");
                jset_str(config, "ipv6.address", "auto");
                plan_add_network(preseed, bridge, config);
                if (!profile_has(s, "nic", NULL))
                        plan_add_device(preseed, "eth0", plan_new_device("nic", "name", "eth0", "network", bridge));
        }
        return preseed;
}
