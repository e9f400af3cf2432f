/* SPDX-License-Identifier: Apache-2.0 */
/* lxc profile device */

#include "device.h"
#include "profile.h"

static int run_add(Context *c) {
        return device_add(c, true);
}

static int run_get(Context *c) {
        return device_get(c, true);
}

static int run_list(Context *c) {
        return device_list(c, true);
}

static int run_remove(Context *c) {
        return device_remove(c, true);
}

static int run_set(Context *c) {
        return device_set(c, true);
}

static int run_show(Context *c) {
        return device_show(c, true);
}

static int run_unset(Context *c) {
        return device_unset(c, true);
}

static const Command add = {
        .name = "add",
        .usage = "[<remote>:]<profile> <device> <type> [key=value...]",
        .summary = "Add instance devices",
        .examples = "  lxc profile device add p1 share disk source=/share/c1 path=/opt\n"
                    "      Mounts /share/c1 of the host on /opt in every instance that has the profile.",
        .min_args = 3,
        .max_args = COMMAND_ANY,
        .run = run_add,
};
static const Command get = {
        .name = "get",
        .usage = "[<remote>:]<profile> <device> <key>",
        .summary = "Get values for device configuration keys",
        .min_args = 3,
        .max_args = 3,
        .run = run_get,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]<profile>",
        .summary = "List instance devices",
        .min_args = 1,
        .max_args = 1,
        .run = run_list,
};
static const Command remove_device = {
        .name = "remove",
        .aliases = "rm",
        .usage = "[<remote>:]<profile> <name>...",
        .summary = "Remove instance devices",
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .run = run_remove,
};
static const Command set = {
        .name = "set",
        .usage = "[<remote>:]<profile> <device> <key>=<value>...",
        .summary = "Set device configuration keys",
        .min_args = 3,
        .max_args = COMMAND_ANY,
        .run = run_set,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<profile>",
        .summary = "Show full device configuration",
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
};
static const Command unset = {
        .name = "unset",
        .usage = "[<remote>:]<profile> <device> <key>",
        .summary = "Unset device configuration keys",
        .min_args = 3,
        .max_args = 3,
        .run = run_unset,
};

const Command command_profile_device = {
        .name = "device",
        .summary = "Manage devices",
        .children = (const Command *const[]) { &add, &get, &list, &remove_device, &set, &show, &unset, NULL },
};
