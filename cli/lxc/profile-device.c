/* SPDX-License-Identifier: Apache-2.0 */
/* lxc profile device */

#include "device.h"
#include "profile.h"

static const Command add = {
        .name = "add",
        .usage = "[<remote>:]<profile> <device> <type> [key=value...]",
        .summary = "Add instance devices",
        .examples = "  lxc profile device add p1 share disk source=/share/c1 path=/opt\n"
                    "      Mounts /share/c1 of the host on /opt in every instance that has the profile.",
        .min_args = 3,
        .max_args = COMMAND_ANY,
        .data = &owner_profile,
        .run = device_add,
};
static const Command get = {
        .name = "get",
        .usage = "[<remote>:]<profile> <device> <key>",
        .summary = "Get values for device configuration keys",
        .min_args = 3,
        .max_args = 3,
        .data = &owner_profile,
        .run = device_get,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]<profile>",
        .summary = "List instance devices",
        .min_args = 1,
        .max_args = 1,
        .data = &owner_profile,
        .run = device_list,
};
static const Command remove_device = {
        .name = "remove",
        .aliases = "rm",
        .usage = "[<remote>:]<profile> <name>...",
        .summary = "Remove instance devices",
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .data = &owner_profile,
        .run = device_remove,
};
static const Command set = {
        .name = "set",
        .usage = "[<remote>:]<profile> <device> <key>=<value>...",
        .summary = "Set device configuration keys",
        .min_args = 3,
        .max_args = COMMAND_ANY,
        .data = &owner_profile,
        .run = device_set,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<profile>",
        .summary = "Show full device configuration",
        .min_args = 1,
        .max_args = 1,
        .data = &owner_profile,
        .run = device_show,
};
static const Command unset = {
        .name = "unset",
        .usage = "[<remote>:]<profile> <device> <key>",
        .summary = "Unset device configuration keys",
        .min_args = 3,
        .max_args = 3,
        .data = &owner_profile,
        .run = device_unset,
};

const Command command_profile_device = {
        .name = "device",
        .summary = "Manage devices",
        .children = (const Command *const[]) { &add, &get, &list, &remove_device, &set, &show, &unset, NULL },
};
