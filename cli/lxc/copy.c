/* SPDX-License-Identifier: Apache-2.0 */
/* lxc copy */

#include <stdio.h>

#include "copy.h"
#include "device.h"

static char **arg_config = NULL, **arg_devices = NULL, **arg_profiles = NULL, *arg_mode = NULL, *arg_storage = NULL,
            *arg_target = NULL, *arg_target_project = NULL;
static bool arg_allow_inconsistent = false, arg_ephemeral = false, arg_instance_only = false, arg_no_profiles = false,
            arg_refresh = false, arg_stateless = false;

int copy_check_mode(const char *mode) {
        if (!mode || streq(mode, "pull") || streq(mode, "push") || streq(mode, "relay"))
                return 0;
        return fail(-EINVAL, "Unknown transfer mode \"%s\": it is one of pull, push, relay", mode);
}

/* What the daemon found out about the old instance does not hold for the new one. */
static void drop_volatile(struct json_object *config) {
        JFOREACH(m, config)
                if (startswith(m.key, "volatile.") && !streq(m.key, "volatile.base_image"))
                        json_object_object_del(config, m.key);
}

int copy_apply_options(Client *client, struct json_object *o, const CopyOptions *options) {
        _cleanup_json_ struct json_object *inherited = NULL;
        struct json_object *devices = jobject(o, "devices");
        int r;

        r = keyvalues_parse(options->config, jobject(o, "config"));
        if (r < 0)
                return r;
        if (options->no_profiles || options->profiles)
                jset_strings(o, "profiles", options->profiles);
        if (options->devices) {
                r = profiles_devices(client, jget(o, "profiles"), &inherited);
                if (r < 0)
                        return r;
        }
        r = device_options_parse(options->devices, inherited, devices);
        if (r < 0)
                return r;

        if (options->storage) {
                struct json_object *root = jobject(devices, "root");

                jset_str(root, "type", "disk");
                jset_str(root, "path", "/");
                jset_str(root, "pool", options->storage);
        }
        return 0;
}

static struct json_object *make_source(Client *client, const char *from, const CopyOptions *options) {
        struct json_object *source = jnew();

        jset_str(source, "type", "copy");
        jset_str(source, "source", from);
        jset_bool(source, "instance_only", options->instance_only);
        jset_bool(source, "container_only", options->instance_only);
        if (options->refresh)
                jset_bool(source, "refresh", true);
        if (options->allow_inconsistent)
                jset_bool(source, "allow_inconsistent", true);
        if (options->target_project)
                jset_str(source, "project", client->project ?: "default");
        return source;
}

int copy_instance(Context *c, const char *from, const char *to, const CopyOptions *options) {
        static const char *const members[] = {
                "architecture", "config", "devices", "ephemeral", "profiles", "stateful", "description", "type", NULL,
        };
        _cleanup_free_ char *path = instance_path(from), *target = xstrdup("/1.0/instances");
        _cleanup_reply_ Reply reply = {}, started = {};
        _cleanup_json_ struct json_object *o = NULL;
        int r;

        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        o = jpick(reply.metadata, members);
        drop_volatile(jobject(o, "config"));
        r = copy_apply_options(c->client, o, options);
        if (r < 0)
                return r;
        if (options->ephemeral)
                jset_bool(o, "ephemeral", true);
        if (options->stateless || !jbool(o, "stateful"))
                jset_bool(o, "stateful", false);
        jset_str(o, "name", to);
        jset(o, "source", make_source(c->client, from, options));

        api_query(&target, "project", options->target_project);
        api_query(&target, "target", options->target);
        r = client_call(c->client, "POST", target, o, NULL, &started);
        if (r >= 0)
                r = operation_wait(c->client, &started, NULL);
        return r;
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
        if (isempty(to)) {              /* the same name, in another project */
                free(to);
                to = xstrndup(from, strcspn(from, "/"));
        }
        if (arg_no_profiles && arg_profiles)
                return fail(-EINVAL, "--profile and --no-profiles contradict each other");

        return copy_instance(c, from, to, &(CopyOptions) {
                .config = arg_config,
                .devices = arg_devices,
                .profiles = arg_profiles,
                .storage = arg_storage,
                .target = arg_target,
                .target_project = arg_target_project,
                .no_profiles = arg_no_profiles,
                .ephemeral = arg_ephemeral,
                .instance_only = arg_instance_only,
                .refresh = arg_refresh,
                .stateless = arg_stateless,
                .allow_inconsistent = arg_allow_inconsistent,
        });
}

static const Option options[] = {
        { 0, "allow-inconsistent", OPTION_BOOL, &arg_allow_inconsistent, "Ignore copy errors for volatile files" },
        { 'c', "config", OPTION_LIST, &arg_config, "Config key/value to apply to the new instance" },
        { 'd', "device", OPTION_LIST, &arg_devices, "New key/value to apply to a specific device" },
        { 'e', "ephemeral", OPTION_BOOL, &arg_ephemeral, "Ephemeral instance" },
        { 0, "instance-only", OPTION_BOOL, &arg_instance_only, "Copy the instance without its snapshots" },
        { 0, "mode", OPTION_STRING, &arg_mode, "Transfer mode. One of pull, push or relay", NULL, "\"pull\"" },
        { 0, "no-profiles", OPTION_BOOL, &arg_no_profiles, "Create the instance with no profiles applied" },
        { 'p', "profile", OPTION_LIST, &arg_profiles, "Profile to apply to the new instance" },
        { 0, "refresh", OPTION_BOOL, &arg_refresh, "Perform an incremental copy" },
        { 0, "stateless", OPTION_BOOL, &arg_stateless, "Copy a stateful instance stateless" },
        { 's', "storage", OPTION_STRING, &arg_storage, "Storage pool name" },
        { 0, "target", OPTION_STRING, &arg_target, "Cluster member name" },
        { 0, "target-project", OPTION_STRING, &arg_target_project, "Copy to a project different from the source" },
        {},
};

const Command command_copy = {
        .name = "copy",
        .aliases = "cp",
        .usage = "[<remote>:]<source>[/<snapshot>] [[<remote>:]<destination>]",
        .summary = "Copy instances within or in between LXD servers",
        .description = "With --refresh, a copy that exists is brought up to date.",
        .options = options,
        .min_args = 1,
        .max_args = 2,
        .run = run,
};
