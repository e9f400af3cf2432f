/* SPDX-License-Identifier: Apache-2.0 */
/* lxc config: configuration of instances and of the server. */

#include "config-command.h"
#include "device.h"

static bool arg_expanded = false;
static char *arg_target = NULL;

static const char *const server_members[] = { "config", NULL };
static const char *const snapshot_writable[] = { "expires_at", NULL };
static const char *const snapshot_shown[] = {
        "expires_at", "architecture", "config", "created_at", "devices", "ephemeral", "expanded_config",
        "expanded_devices", "last_used_at", "name", "profiles", "stateful", "size", NULL,
};

/* What the first argument names: an instance, a snapshot, or ("", "local:") the server. */
static int config_entity(const char *argument, Entity *ret, char **ret_path) {
        _cleanup_free_ char *name = NULL;
        int r;

        r = remote_split(strempty(argument), &name);
        if (r < 0)
                return r;
        if (!isempty(name) && arg_target)
                return fail(-EINVAL, "--target cannot be used with instances");

        if (isempty(name)) {
                *ret_path = xstrdup("/1.0");
                api_query(ret_path, "target", arg_target);
                *ret = (Entity) { .writable = server_members, .shown = server_members, .only_shown = true };
        } else if (strchr(name, '/')) {
                *ret_path = instance_path(name);
                *ret = (Entity) { .writable = snapshot_writable, .shown = snapshot_shown };
        } else {
                *ret_path = instance_path(name);
                *ret = (Entity) { .writable = instance_writable, .shown = instance_writable, .only_shown = true,
                                  .strict_unset = true };
        }
        ret->path = *ret_path;
        return 0;
}

/* Names of instances have no dots, keys of the server always do: so one can tell them apart. */
static bool is_server_key(const char *argument) {
        const char *end = strpbrk(argument, ".=");

        return end && !memchr(argument, ':', (size_t) (end - argument));
}

static int run_get(Context *c) {
        const char *key = c->args[c->n_args - 1];
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = config_entity(c->n_args == 2 ? c->args[0] : "", &e, &path);
        if (r < 0)
                return r;
        if (arg_expanded)
                e.map = "expanded_config";
        return entity_get(c, &e, key);
}

static int fail_snapshot(const char *name) {
        (void) fail(-EINVAL, "The configuration of a snapshot cannot be changed");
        fail_hint("When it expires can: \"lxc config edit %s\"", name);
        return -EINVAL;
}

/* The server's configuration may hold secrets it does not show: so only the keys given are sent. */
static int patch_server(Context *c, const char *path, struct json_object *values) {
        _cleanup_json_ struct json_object *o = jnew();

        jset(o, "config", json_object_get(values));
        return operation_run(c->client, "PATCH", path, o, NULL);
}

static int run_set(Context *c) {
        bool server = is_server_key(c->args[0]) || endswith(c->args[0], ":");
        char **values = c->args + (is_server_key(c->args[0]) ? 0 : 1);
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        if (!*values)
                return fail(-EINVAL, "Invalid number of arguments");
        r = config_entity(server && values == c->args ? "" : c->args[0], &e, &path);
        if (r < 0)
                return r;
        if (!server)
                return e.writable == snapshot_writable ? fail_snapshot(c->args[0]) : entity_set(c, &e, values);

        r = keyvalues_parse_set(values, o);
        return r < 0 ? r : patch_server(c, path, o);
}

static int run_unset(Context *c) {
        const char *key = c->args[c->n_args - 1];
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = config_entity(c->n_args == 2 ? c->args[0] : "", &e, &path);
        if (r < 0)
                return r;
        if (e.writable == snapshot_writable)
                return fail_snapshot(c->args[0]);
        if (e.writable != server_members)
                return entity_unset(c, &e, key);

        jset_str(o, key, "");
        return patch_server(c, path, o);
}

static int run_show(Context *c) {
        _cleanup_json_ struct json_object *ordered = NULL;
        _cleanup_reply_ Reply reply = {};
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = config_entity(c->args[0], &e, &path);
        if (r >= 0)
                r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        if (arg_expanded && json_object_is_type(reply.metadata, json_type_object)) {
                jset(reply.metadata, "config", json_object_get(jget(reply.metadata, "expanded_config")));
                jset(reply.metadata, "devices", json_object_get(jget(reply.metadata, "expanded_devices")));
        }
        ordered = entity_order(&e, reply.metadata);
        return output_yaml(ordered);
}

static int run_edit(Context *c) {
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = config_entity(c->args[0], &e, &path);
        if (r < 0)
                return r;

        if (e.writable == server_members)
                e.help = "### The configuration of the server, as YAML.\n"
                         "### Lines that begin with a '#' are ignored.\n"
                         "###\n"
                         "### For example:\n"
                         "### config:\n"
                         "###   core.https_address: '[::]:8443'\n";
        else
                e.help = "### The configuration of the instance, as YAML.\n"
                         "### Lines that begin with a '#' are ignored.\n"
                         "###\n"
                         "### For example:\n"
                         "### config:\n"
                         "###   limits.cpu: \"2\"\n"
                         "### devices:\n"
                         "###   home:\n"
                         "###     path: /extra\n"
                         "###     source: /home/user\n"
                         "###     type: disk\n"
                         "### ephemeral: false\n"
                         "### profiles:\n"
                         "### - default\n";
        /* What a file has more than the writable members (from "lxc query", say) does no harm. */
        if (e.writable == instance_writable && !isatty(STDIN_FILENO))
                e.shown = instance_shown;
        return entity_edit(c, &e);
}

#define OPTION_TARGET { 0, "target", OPTION_STRING, &arg_target, "Cluster member name" }
static const Option options_target[] = { OPTION_TARGET, {} };
static const Option options_get[] = {
        { 'e', "expanded", OPTION_BOOL, &arg_expanded, "Access the expanded configuration" },
        OPTION_TARGET,
        {},
};
static const Option options_show[] = {
        { 'e', "expanded", OPTION_BOOL, &arg_expanded, "Show the expanded configuration" },
        OPTION_TARGET,
        {},
};

static const Command edit = {
        .name = "edit",
        .usage = "[<remote>:][<instance>[/<snapshot>]]",
        .summary = "Edit instance or server configurations as YAML",
        .examples = "  lxc config edit <instance> < instance.yaml\n"
                    "      Update the instance configuration from a file.",
        .options = options_target,
        .max_args = 1,
        .run = run_edit,
};
static const Command get = {
        .name = "get",
        .usage = "[<remote>:][<instance>] <key>",
        .summary = "Get values for instance or server configuration keys",
        .options = options_get,
        .min_args = 1,
        .max_args = 2,
        .run = run_get,
};
static const Command set = {
        .name = "set",
        .usage = "[<remote>:][<instance>] <key>=<value>...",
        .summary = "Set instance or server configuration keys",
        .description = "A single key may also be set by: lxc config set [<remote>:][<instance>] <key> <value>\n"
                       "The value - is read from standard input.",
        .examples = "  lxc config set c1 limits.cpu=2\n"
                    "      Limits the instance to two CPUs.\n"
                    "\n"
                    "  lxc config set core.https_address=[::]:8443\n"
                    "      Has LXD listen on port 8443 of every address.",
        .options = options_target,
        .min_args = 1,
        .max_args = COMMAND_ANY,
        .run = run_set,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:][<instance>[/<snapshot>]]",
        .summary = "Show instance or server configurations",
        .options = options_show,
        .max_args = 1,
        .run = run_show,
};
static const Command unset = {
        .name = "unset",
        .usage = "[<remote>:][<instance>] <key>",
        .summary = "Unset instance or server configuration keys",
        .options = options_target,
        .min_args = 1,
        .max_args = 2,
        .run = run_unset,
};

const Command command_config = {
        .name = "config",
        .summary = "Manage instance and server configuration options",
        .children = (const Command *const[]) {
                &command_config_device, &edit, &get, &command_config_metadata, &set, &show, &command_config_template,
                &command_config_trust, &unset, NULL,
        },
};
