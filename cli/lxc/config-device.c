/* SPDX-License-Identifier: Apache-2.0 */
/* lxc config device */

#include <stdio.h>

#include "config-command.h"
#include "device.h"

/* Copies a device that a profile gives into the instance, with other values for some keys. */
static int run_override(Context *c) {
        _cleanup_json_ struct json_object *device = NULL;
        _cleanup_free_ char *path = NULL, *name = NULL;
        _cleanup_reply_ Reply reply = {};
        Entity e;
        int r;

        r = device_entity_writable(c, &owner_instance, &e, &path, &name);
        if (r >= 0)
                r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        if (jget_key(jget(reply.metadata, "devices"), c->args[1]))
                return fail(-EEXIST, "The device already exists");
        device = jcopy(jget_key(jget(reply.metadata, "expanded_devices"), c->args[1]));
        if (!device)
                return fail(-ENOENT, "The profile device doesn't exist");

        r = keyvalues_parse(c->args + 2, device);
        if (r < 0)
                return r;
        r = device_change(c, &e, c->args[1], TAKE_PTR(device));
        if (r >= 0 && !c->client->quiet)
                printf("Device %s overridden for %s\n", c->args[1], name);
        return r;
}

static const Command add = {
        .name = "add",
        .usage = "[<remote>:]<instance> <device> <type> [key=value...]",
        .summary = "Add instance devices",
        .examples = "  lxc config device add c1 share disk source=/share/c1 path=/opt\n"
                    "      Mounts /share/c1 of the host on /opt in the instance.\n"
                    "\n"
                    "  lxc config device add c1 data disk pool=some-pool source=some-volume path=/opt\n"
                    "      Mounts the volume some-volume of the pool some-pool on /opt in the instance.",
        .min_args = 3,
        .max_args = COMMAND_ANY,
        .data = &owner_instance,
        .run = device_add,
};
static const Command get = {
        .name = "get",
        .usage = "[<remote>:]<instance> <device> <key>",
        .summary = "Get values for device configuration keys",
        .min_args = 3,
        .max_args = 3,
        .data = &owner_instance,
        .run = device_get,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]<instance>",
        .summary = "List instance devices",
        .min_args = 1,
        .max_args = 1,
        .data = &owner_instance,
        .run = device_list,
};
static const Command override = {
        .name = "override",
        .usage = "[<remote>:]<instance> <device> [key=value...]",
        .summary = "Copy profile inherited devices and override configuration keys",
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .run = run_override,
};
static const Command remove_device = {
        .name = "remove",
        .aliases = "rm",
        .usage = "[<remote>:]<instance> <name>...",
        .summary = "Remove instance devices",
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .data = &owner_instance,
        .run = device_remove,
};
static const Command set = {
        .name = "set",
        .usage = "[<remote>:]<instance> <device> <key>=<value>...",
        .summary = "Set device configuration keys",
        .description = "A single key may also be set by: lxc config device set [<remote>:]<instance> <device> <key> <value>",
        .min_args = 3,
        .max_args = COMMAND_ANY,
        .data = &owner_instance,
        .run = device_set,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<instance>",
        .summary = "Show full device configuration",
        .min_args = 1,
        .max_args = 1,
        .data = &owner_instance,
        .run = device_show,
};
static const Command unset = {
        .name = "unset",
        .usage = "[<remote>:]<instance> <device> <key>",
        .summary = "Unset device configuration keys",
        .min_args = 3,
        .max_args = 3,
        .data = &owner_instance,
        .run = device_unset,
};

const Command command_config_device = {
        .name = "device",
        .summary = "Manage devices",
        .children = (const Command *const[]) { &add, &get, &list, &override, &remove_device, &set, &show, &unset, NULL },
};
