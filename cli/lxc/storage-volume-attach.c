/* SPDX-License-Identifier: Apache-2.0 */
/* lxc storage volume attach, attach-profile, detach, detach-profile */

#include "device.h"
#include "storage.h"

static int run_attach(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_free_ char *path = NULL;
        const char *name, *mount = NULL;
        struct json_object *disk;
        Entity e;
        int r;

        r = volume_parse(c->args[0], c->args[1], &v);
        if (r < 0)
                return r;
        if (!streq(v.type, "custom"))
                return fail(-EINVAL, "Only \"custom\" volumes can be attached to instances");

        /* One more argument is a path if it looks like one, else the device's name. */
        name = v.name;
        if (c->n_args == 4 && c->args[3][0] == '/')
                mount = c->args[3];
        else if (c->n_args >= 4) {
                name = c->args[3];
                mount = c->args[4];
        }

        disk = jnew();
        jset_str(disk, "type", "disk");
        jset_str(disk, "pool", v.pool);
        jset_str(disk, "source", v.name);
        jset_str(disk, "path", mount);
        e = owner_entity(c->command->data, c->args[2], &path);
        return device_attach(c, &e, name, disk);
}

static bool is_volume(struct json_object *device, const Volume *v) {
        return streq(jstr(device, "type"), "disk") && streq(jstr(device, "pool"), v->pool) &&
                streq(jstr(device, "source"), v->name);
}

static int find_disk(struct json_object *devices, const Volume *v, const char *name, char **ret) {
        const char *found = NULL;

        if (name) {
                if (!jget_key(devices, name))
                        return fail(-ENOENT, "The specified device doesn't exist");
                *ret = xstrdup(name);
                return 0;
        }
        JFOREACH(m, devices) {
                if (!is_volume(m.value, v))
                        continue;
                if (found)
                        return fail(-EINVAL, "More than one device matches, specify the device name");
                found = m.key;
        }
        if (!found)
                return fail(-ENOENT, "No device found for this storage volume");
        *ret = xstrdup(found);
        return 0;
}

static int run_detach(Context *c) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_free_ char *path = NULL, *device = NULL;
        _cleanup_reply_ Reply reply = {};
        Entity e;
        int r;

        r = volume_parse(c->args[0], c->args[1], &v);
        if (r < 0)
                return r;
        e = owner_entity(c->command->data, c->args[2], &path);
        r = client_get(c->client, path, &reply);
        if (r >= 0)
                r = find_disk(jget(reply.metadata, "devices"), &v, c->args[3], &device);
        return r < 0 ? r : device_change(c, &e, device, NULL);
}

const Command command_storage_volume_attach = {
        .name = "attach",
        .usage = "[<remote>:]<pool> <volume> <instance> [<device name>] [<path>]",
        .summary = "Attach new storage volumes to instances",
        .min_args = 3,
        .max_args = 5,
        .data = &owner_instance,
        .run = run_attach,
};
const Command command_storage_volume_attach_profile = {
        .name = "attach-profile",
        .usage = "[<remote>:]<pool> <volume> <profile> [<device name>] [<path>]",
        .summary = "Attach new storage volumes to profiles",
        .min_args = 3,
        .max_args = 5,
        .data = &owner_profile,
        .run = run_attach,
};
const Command command_storage_volume_detach = {
        .name = "detach",
        .usage = "[<remote>:]<pool> <volume> <instance> [<device name>]",
        .summary = "Detach storage volumes from instances",
        .min_args = 3,
        .max_args = 4,
        .data = &owner_instance,
        .run = run_detach,
};
const Command command_storage_volume_detach_profile = {
        .name = "detach-profile",
        .usage = "[<remote>:]<pool> <volume> <profile> [<device name>]",
        .summary = "Detach storage volumes from profiles",
        .min_args = 3,
        .max_args = 4,
        .data = &owner_profile,
        .run = run_detach,
};
