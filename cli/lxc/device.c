/* SPDX-License-Identifier: Apache-2.0 */
/* Sub-commands on the devices of an instance or a profile. */

#include <stdio.h>

#include "device.h"

const char *const instance_writable[] = {
        "architecture", "config", "devices", "ephemeral", "profiles", "stateful", "description", NULL,
};
const char *const instance_shown[] = {
        "architecture", "config", "devices", "ephemeral", "profiles", "stateful", "description", "created_at",
        "expanded_config", "expanded_devices", "name", "status", "status_code", "last_used_at", "location", "type",
        "project", NULL,
};
const char *const profile_writable[] = { "config", "description", "devices", NULL };
const char *const profile_shown[] = { "config", "description", "devices", "name", "used_by", NULL };

const DeviceOwner owner_instance = {
        .collection = "instances", .writable = instance_writable, .shown = instance_shown, .has_snapshots = true,
};
const DeviceOwner owner_profile = { .collection = "profiles", .writable = profile_writable, .shown = profile_shown };

Entity owner_entity(const DeviceOwner *owner, const char *name, char **ret_path) {
        *ret_path = api_path(owner->collection, name, NULL);
        return (Entity) { .path = *ret_path, .writable = owner->writable, .shown = owner->shown };
}

int device_entity(Context *c, const DeviceOwner *owner, Entity *ret, char **ret_path, char **ret_name) {
        int r;

        r = remote_split(c->args[0], ret_name);
        if (r < 0)
                return r;

        *ret_path = owner->has_snapshots ? instance_path(*ret_name) : api_path(owner->collection, *ret_name, NULL);
        *ret = (Entity) { .path = *ret_path, .writable = owner->writable, .shown = owner->shown };
        return 0;
}

static int add_profile_devices(Client *client, const char *profile, struct json_object *devices) {
        _cleanup_free_ char *path = api_path("profiles", profile, NULL);
        _cleanup_reply_ Reply reply = {};
        int r;

        r = client_get(client, path, &reply);
        if (r < 0)
                return fail_context(r, "Failed loading profile \"%s\" for device override", profile);
        JFOREACH(m, jget(reply.metadata, "devices"))
                jset(devices, m.key, json_object_get(m.value));
        return 0;
}

int profiles_devices(Client *client, struct json_object *profiles, struct json_object **ret) {
        _cleanup_json_ struct json_object *devices = jnew();
        int r = 0;

        if (!profiles)
                r = add_profile_devices(client, "default", devices);
        for (size_t i = 0; i < jlen(profiles) && r >= 0; i++)
                r = add_profile_devices(client, jstr_at(profiles, i), devices);
        if (r >= 0)
                *ret = TAKE_PTR(devices);
        return r;
}

int device_entity_writable(Context *c, const DeviceOwner *owner, Entity *ret, char **ret_path, char **ret_name) {
        int r;

        r = device_entity(c, owner, ret, ret_path, ret_name);
        if (r >= 0 && owner->has_snapshots && strchr(*ret_name, '/'))
                return fail(-EINVAL, "Invalid instance name");
        return r;
}

typedef struct DeviceChange {
        const char *name;
        struct json_object *device;     /* NULL: remove */
} DeviceChange;

static int change(struct json_object *o, void *userdata) {
        DeviceChange *d = userdata;
        struct json_object *devices = jobject(o, "devices");
        bool exists = json_object_object_get_ex(devices, d->name, NULL);

        if (d->device && exists)
                return fail(-EEXIST, "The device already exists");
        if (!d->device && !exists)
                return fail(-ENOENT, "Device doesn't exist");

        if (d->device)
                jset(devices, d->name, json_object_get(d->device));
        else
                json_object_object_del(devices, d->name);
        return 0;
}

int device_change(Context *c, const Entity *e, const char *name, struct json_object *device) {
        int r;

        r = entity_change(c, e, change, &(DeviceChange) { .name = name, .device = device });
        json_object_put(device);
        return r;
}

int device_attach(Context *c, const Entity *e, const char *name, struct json_object *device) {
        int r = device_change(c, e, name, device);

        return r == -EEXIST ? fail(r, "Device already exists: %s", name) : r;
}

int device_add(Context *c) {
        _cleanup_free_ char *path = NULL, *name = NULL;
        _cleanup_json_ struct json_object *device = jnew();
        Entity e;
        int r;

        r = device_entity_writable(c, c->command->data, &e, &path, &name);
        if (r < 0)
                return r;
        r = keyvalues_parse(c->args + 3, device);
        if (r < 0)
                return r;
        jset_str(device, "type", c->args[2]);

        r = device_change(c, &e, c->args[1], TAKE_PTR(device));
        if (r < 0)
                return r;
        if (!c->client->quiet)
                printf("Device %s added to %s\n", c->args[1], name);
        return 0;
}

/* Reads the devices of what the first argument names; with 'device' just that one, which has to exist. */
static int read_devices(Context *c, const char *device, struct json_object **ret) {
        _cleanup_free_ char *path = NULL, *name = NULL;
        _cleanup_reply_ Reply reply = {};
        struct json_object *devices;
        Entity e;
        int r;

        r = device_entity(c, c->command->data, &e, &path, &name);
        if (r >= 0)
                r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;
        devices = jget(reply.metadata, "devices");
        if (device) {
                devices = jget_key(devices, device);
                if (!devices && jget_key(jget(reply.metadata, "expanded_devices"), device))
                        return fail(-ENOENT, "Device from profile(s) cannot be retrieved for individual instance");
                if (!devices)
                        return fail(-ENOENT, "Device doesn't exist");
        }
        *ret = json_object_get(devices);
        return 0;
}

int device_get(Context *c) {
        _cleanup_json_ struct json_object *device = NULL;
        int r;

        r = read_devices(c, c->args[1], &device);
        if (r < 0)
                return r;
        printf("%s\n", strempty(json_object_get_string(jget_key(device, c->args[2]))));
        return 0;
}

int device_list(Context *c) {
        _cleanup_json_ struct json_object *devices = NULL;
        int r;

        r = read_devices(c, NULL, &devices);
        if (r < 0)
                return r;
        JFOREACH(m, devices)
                printf("%s\n", m.key);
        if (!devices || json_object_object_length(devices) == 0)
                printf("\n");
        return 0;
}

int device_show(Context *c) {
        _cleanup_json_ struct json_object *devices = NULL;
        int r;

        r = read_devices(c, NULL, &devices);
        return r < 0 ? r : output_yaml_map(devices);
}

/* A device that the instance has from a profile cannot be changed in the instance: 'error' then becomes the advice. */
static int explain_absent(Context *c, const Entity *e, char *const *names, const char *verb, int error) {
        _cleanup_reply_ Reply reply = {};
        struct json_object *devices;

        if (error != -ENOENT)
                return error;
        if (client_get(c->client, e->path, &reply) < 0)
                return -ENOENT;
        devices = jget(reply.metadata, "expanded_devices");
        for (; *names; names++)
                if (jget_key(devices, *names) && !jget_key(jget(reply.metadata, "devices"), *names))
                        return fail(-ENOENT, "Device from profile(s) cannot be %s individual instance. "
                                    "Override device or modify profile instead", verb);
        return error;
}

/* All of them or none. */
static int change_remove(struct json_object *o, void *userdata) {
        for (char **d = userdata; *d; d++) {
                DeviceChange one = { .name = *d };
                int r = change(o, &one);

                if (r < 0)
                        return r;
        }
        return 0;
}

int device_remove(Context *c) {
        _cleanup_free_ char *path = NULL, *name = NULL;
        Entity e;
        int r;

        r = device_entity_writable(c, c->command->data, &e, &path, &name);
        if (r >= 0)
                r = explain_absent(c, &e, c->args + 1, "removed from", entity_change(c, &e, change_remove, c->args + 1));
        if (r >= 0 && !c->client->quiet) {
                _cleanup_free_ char *names = list_join(c->args + 1, ", ");
                printf("Device %s removed from %s\n", names, name);
        }
        return r;
}

typedef struct KeyChange {
        const char *device, *unset;
        struct json_object *values;
} KeyChange;

static int change_keys(struct json_object *o, void *userdata) {
        KeyChange *k = userdata;
        struct json_object *device = jget_key(jget(o, "devices"), k->device);

        if (!device)
                return fail(-ENOENT, "Device doesn't exist");
        JFOREACH(m, k->values)
                jset(device, m.key, json_object_get(m.value));
        if (k->unset)
                json_object_object_del(device, k->unset);
        return 0;
}

static int change_device_keys(Context *c, const Entity *e, KeyChange *k) {
        char *names[] = { (char*) k->device, NULL };
        int r;

        r = entity_change(c, e, change_keys, k);
        return explain_absent(c, e, names, "modified for", r);
}

int device_set(Context *c) {
        _cleanup_json_ struct json_object *values = jnew();
        _cleanup_free_ char *path = NULL, *name = NULL;
        Entity e;
        int r;

        r = device_entity_writable(c, c->command->data, &e, &path, &name);
        if (r >= 0)
                r = keyvalues_parse_set(c->args + 2, values);
        if (r < 0)
                return r;
        return change_device_keys(c, &e, &(KeyChange) { .device = c->args[1], .values = values });
}

int device_unset(Context *c) {
        _cleanup_free_ char *path = NULL, *name = NULL;
        Entity e;
        int r;

        r = device_entity_writable(c, c->command->data, &e, &path, &name);
        if (r < 0)
                return r;
        return change_device_keys(c, &e, &(KeyChange) { .device = c->args[1], .unset = c->args[2] });
}
