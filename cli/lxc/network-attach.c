/* SPDX-License-Identifier: Apache-2.0 */
/* lxc network attach, attach-profile, detach, detach-profile */

#include "device.h"
#include "network.h"

static int make_nic(Context *c, const char *network, struct json_object **ret) {
        _cleanup_json_ struct json_object *nic = jnew();
        _cleanup_free_ char *path = api_path("networks", network, NULL);
        _cleanup_reply_ Reply reply = {};
        int r;

        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        jset_str(nic, "type", "nic");
        if (jbool(reply.metadata, "managed"))
                jset_str(nic, "network", network);
        else {
                jset_str(nic, "nictype", streq(jstr(reply.metadata, "type"), "bridge") ? "bridged" : "macvlan");
                jset_str(nic, "parent", network);
        }
        *ret = TAKE_PTR(nic);
        return 0;
}

static int run_attach(Context *c) {
        _cleanup_free_ char *network = NULL, *path = NULL;
        struct json_object *nic = NULL;
        const char *device;
        Entity e;
        int r;

        r = remote_split(c->args[0], &network);
        if (r >= 0)
                r = make_nic(c, network, &nic);
        if (r < 0)
                return r;

        device = c->n_args > 2 ? c->args[2] : network;
        if (c->n_args > 3)
                jset_str(nic, "name", c->args[3]);
        e = owner_entity(c->command->data, c->args[1], &path);
        return device_attach(c, &e, device, nic);
}

static bool is_on_network(struct json_object *device, const char *network) {
        return streq(jstr(device, "type"), "nic") &&
                (streq(jstr(device, "network"), network) || streq(jstr(device, "parent"), network));
}

static int find_nic(struct json_object *devices, const char *network, const char *name, char **ret) {
        const char *found = NULL;

        if (name) {
                struct json_object *device = jget_key(devices, name);

                if (!device)
                        return fail(-ENOENT, "The specified device doesn't exist");
                if (!is_on_network(device, network))
                        return fail(-EINVAL, "The specified device doesn't match the network");
                *ret = xstrdup(name);
                return 0;
        }

        JFOREACH(m, devices) {
                if (!is_on_network(m.value, network))
                        continue;
                if (found)
                        return fail(-EINVAL, "More than one device matches, specify the device name");
                found = m.key;
        }
        if (!found)
                return fail(-ENOENT, "No device found for this network");
        *ret = xstrdup(found);
        return 0;
}

static int run_detach(Context *c) {
        _cleanup_free_ char *network = NULL, *path = NULL, *device = NULL;
        _cleanup_reply_ Reply reply = {};
        Entity e;
        int r;

        r = remote_split(c->args[0], &network);
        if (r < 0)
                return r;
        e = owner_entity(c->command->data, c->args[1], &path);
        r = client_get(c->client, path, &reply);
        if (r >= 0)
                r = find_nic(jget(reply.metadata, "devices"), network, c->n_args > 2 ? c->args[2] : NULL, &device);
        return r < 0 ? r : device_change(c, &e, device, NULL);
}

const Command command_network_attach = {
        .name = "attach",
        .usage = "[<remote>:]<network> <instance> [<device name>] [<interface name>]",
        .summary = "Attach network interfaces to instances",
        .min_args = 2,
        .max_args = 4,
        .data = &owner_instance,
        .run = run_attach,
};
const Command command_network_attach_profile = {
        .name = "attach-profile",
        .usage = "[<remote>:]<network> <profile> [<device name>] [<interface name>]",
        .summary = "Attach network interfaces to profiles",
        .min_args = 2,
        .max_args = 4,
        .data = &owner_profile,
        .run = run_attach,
};
const Command command_network_detach = {
        .name = "detach",
        .usage = "[<remote>:]<network> <instance> [<device name>]",
        .summary = "Detach network interfaces from instances",
        .min_args = 2,
        .max_args = 3,
        .data = &owner_instance,
        .run = run_detach,
};
const Command command_network_detach_profile = {
        .name = "detach-profile",
        .usage = "[<remote>:]<network> <profile> [<device name>]",
        .summary = "Detach network interfaces from profiles",
        .min_args = 2,
        .max_args = 3,
        .data = &owner_profile,
        .run = run_detach,
};
