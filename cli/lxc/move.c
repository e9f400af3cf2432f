/* SPDX-License-Identifier: Apache-2.0 */
/* lxc move */

#include "copy.h"
#include "device.h"
#include "rename.h"

static char **arg_config = NULL, **arg_devices = NULL, **arg_profiles = NULL, *arg_mode = NULL, *arg_storage = NULL,
            *arg_target = NULL, *arg_target_project = NULL;
static bool arg_allow_inconsistent = false, arg_instance_only = false, arg_no_profiles = false, arg_stateless = false;

/* To another pool, project or member: the server does it all. */
static int move_elsewhere(Context *c, const char *from, const char *to) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = instance_path(from);

        jset_str(o, "name", isempty(to) ? from : to);
        jset_bool(o, "migration", true);
        jset_bool(o, "live", !arg_stateless && arg_target);
        jset_bool(o, "instance_only", arg_instance_only);
        jset_bool(o, "container_only", arg_instance_only);
        jset_str(o, "pool", arg_storage);
        jset_str(o, "project", arg_target_project);
        if (arg_allow_inconsistent)
                jset_bool(o, "allow_inconsistent", true);
        api_query(&path, "target", arg_target);
        return operation_run(c->client, "POST", path, o, NULL);
}

typedef struct Changes {
        Client *client;
        CopyOptions options;
} Changes;

static int change_configuration(struct json_object *o, void *userdata) {
        Changes *changes = userdata;

        return copy_apply_options(changes->client, o, &changes->options);
}

/* Changes of config, devices and profiles come first: if the server refuses them, nothing has moved. */
static int apply_changes(Context *c, const char *name) {
        Changes changes = {
                .client = c->client,
                .options = {
                        .config = arg_config,
                        .devices = arg_devices,
                        .profiles = arg_profiles,
                        .no_profiles = arg_no_profiles,
                },
        };
        _cleanup_free_ char *path = instance_path(name);
        const Entity e = { .path = path, .writable = instance_writable };

        if (!arg_config && !arg_devices && !arg_profiles && !arg_no_profiles)
                return 0;
        return entity_change(c, &e, change_configuration, &changes);
}

static int run(Context *c) {
        _cleanup_free_ char *from = NULL, *to = NULL;
        int r;

        r = copy_check_mode(arg_mode);
        if (r >= 0)
                r = remote_split(c->args[0], &from);
        if (r >= 0)
                r = remote_split(strempty(c->args[1]), &to);
        if (r < 0)
                return r;
        if (isempty(from))
                return fail(-EINVAL, "You must specify a source instance name");
        if (isempty(to) && !arg_storage && !arg_target && !arg_target_project)
                return fail(-EINVAL, "You must specify a destination instance name");

        r = apply_changes(c, from);
        if (r < 0)
                return r;
        if (arg_storage || arg_target || arg_target_project)
                return move_elsewhere(c, from, to);
        return rename_instance(c, from, to);
}

static const Option options[] = {
        { 0, "allow-inconsistent", OPTION_BOOL, &arg_allow_inconsistent, "Ignore copy errors for volatile files" },
        { 'c', "config", OPTION_LIST, &arg_config, "Config key/value to apply to the target instance" },
        { 'd', "device", OPTION_LIST, &arg_devices, "New key/value to apply to a specific device" },
        { 0, "instance-only", OPTION_BOOL, &arg_instance_only, "Move the instance without its snapshots" },
        { 0, "mode", OPTION_STRING, &arg_mode, "Transfer mode. One of pull, push or relay.", NULL, "\"pull\"" },
        { 0, "no-profiles", OPTION_BOOL, &arg_no_profiles, "Unset all profiles on the target instance" },
        { 'p', "profile", OPTION_LIST, &arg_profiles, "Profile to apply to the target instance" },
        { 0, "stateless", OPTION_BOOL, &arg_stateless, "Copy a stateful instance stateless" },
        { 's', "storage", OPTION_STRING, &arg_storage, "Storage pool name" },
        { 0, "target", OPTION_STRING, &arg_target, "Cluster member name" },
        { 0, "target-project", OPTION_STRING, &arg_target_project, "Copy to a project different from the source" },
        {},
};

const Command command_move = {
        .name = "move",
        .aliases = "mv",
        .usage = "[<remote>:]<instance>[/<snapshot>] [<remote>:][<instance>[/<snapshot>]]",
        .summary = "Move instances within or in between LXD servers",
        .examples = "  lxc move <old name> <new name>\n"
                    "      Rename an instance.\n"
                    "\n"
                    "  lxc move <instance>/<old snapshot name> <instance>/<new snapshot name>\n"
                    "      Rename a snapshot.\n"
                    "\n"
                    "  lxc move <instance> --storage <pool>\n"
                    "      Move an instance to another storage pool.",
        .options = options,
        .min_args = 1,
        .max_args = 2,
        .run = run,
};
