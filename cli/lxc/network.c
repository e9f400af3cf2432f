/* SPDX-License-Identifier: Apache-2.0 */
/* lxc network: create, delete, rename, and the configuration. */

#include <stdio.h>

#include "entity.h"
#include "network.h"

static char *arg_target = NULL, *arg_type = NULL;

static const char *const network_writable[] = { "config", "description", NULL };
static const char *const network_shown[] = {
        "config", "description", "name", "type", "used_by", "managed", "status", "locations", NULL,
};

static int network_entity(Context *c, Entity *ret, char **ret_path, char **ret_name) {
        int r;

        r = remote_split(c->args[0], ret_name);
        if (r < 0)
                return r;
        if (isempty(*ret_name))
                return fail(-EINVAL, "Missing network name");

        *ret_path = api_path("networks", *ret_name, NULL);
        api_query(ret_path, "target", arg_target);
        *ret = (Entity) {
                .path = *ret_path,
                .writable = network_writable,
                .shown = network_shown,
                .get_if_set = true,
                .help = "### A network, as YAML.\n"
                        "### Lines that begin with a '#' are ignored.\n"
                        "###\n"
                        "### For example:\n"
                        "### config:\n"
                        "###   ipv4.address: 10.62.42.1/24\n"
                        "###   ipv4.nat: \"true\"\n"
                        "###\n"
                        "### Only the configuration and the description can be changed here.\n",
        };
        return 0;
}

static const EntityKind network_kind = { .title = "Network", .find = network_entity };

static int run_create(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *name = NULL, *path = xstrdup("/1.0/networks");
        int r;

        r = remote_split(c->args[0], &name);
        if (r >= 0)
                r = keyvalues_parse(c->args + 1, jobject(o, "config"));
        if (r < 0)
                return r;

        jset_str(o, "name", name);
        jset_str(o, "type", arg_type ?: "");
        api_query(&path, "target", arg_target);
        r = operation_run(c->client, "POST", path, o, NULL);
        if (r < 0 || c->client->quiet)
                return r;
        if (arg_target)
                printf("Network %s pending on member %s\n", name, arg_target);
        else
                printf("Network %s created\n", name);
        return 0;
}

static int run_edit(Context *c) {
        _cleanup_free_ char *path = NULL, *name = NULL;
        _cleanup_reply_ Reply reply = {};
        Entity e;
        int r;

        r = network_entity(c, &e, &path, &name);
        if (r >= 0)
                r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;
        if (!jbool(reply.metadata, "managed"))
                return fail(-EINVAL, "Only managed networks can be modified");
        return entity_edit(c, &e);
}

#define OPTION_TARGET { 0, "target", OPTION_STRING, &arg_target, "Cluster member name" }
static const Option options_target[] = { OPTION_TARGET, {} };
static const Option options_create[] = {
        OPTION_TARGET,
        { 't', "type", OPTION_STRING, &arg_type, "Network type" },
        {},
};

static const Command create = {
        .name = "create",
        .usage = "[<remote>:]<network> [key=value...]",
        .summary = "Create new networks",
        .examples = "  lxc network create lxdbr1 ipv4.address=10.62.42.1/24 ipv6.address=none",
        .options = options_create,
        .min_args = 1,
        .max_args = COMMAND_ANY,
        .run = run_create,
};
static const Command delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<network>",
        .summary = "Delete networks",
        .min_args = 1,
        .max_args = 1,
        .data = &network_kind,
        .run = entity_run_delete,
};
static const Command edit = {
        .name = "edit",
        .usage = "[<remote>:]<network>",
        .summary = "Edit network configurations as YAML",
        .min_args = 1,
        .max_args = 1,
        .run = run_edit,
};
static const Command get = {
        .name = "get",
        .usage = "[<remote>:]<network> <key>",
        .summary = "Get values for network configuration keys",
        .options = options_target,
        .min_args = 2,
        .max_args = 2,
        .data = &network_kind,
        .run = entity_run_get,
};
static const Command rename_network = {
        .name = "rename",
        .aliases = "mv",
        .usage = "[<remote>:]<network> <new-name>",
        .summary = "Rename networks",
        .min_args = 2,
        .max_args = 2,
        .data = &network_kind,
        .run = entity_run_rename,
};
static const Command set = {
        .name = "set",
        .usage = "[<remote>:]<network> <key>=<value>...",
        .summary = "Set network configuration keys",
        .options = options_target,
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .data = &network_kind,
        .run = entity_run_set,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<network>",
        .summary = "Show network configurations",
        .options = options_target,
        .min_args = 1,
        .max_args = 1,
        .data = &network_kind,
        .run = entity_run_show,
};
static const Command unset = {
        .name = "unset",
        .usage = "[<remote>:]<network> <key>",
        .summary = "Unset network configuration keys",
        .options = options_target,
        .min_args = 2,
        .max_args = 2,
        .data = &network_kind,
        .run = entity_run_unset,
};

const Command command_network = {
        .name = "network",
        .summary = "Manage and attach instances to networks",
        .children = (const Command *const[]) {
                &command_network_attach, &command_network_attach_profile, &create, &delete, &command_network_detach,
                &command_network_detach_profile, &edit, &get, &command_network_info, &command_network_list,
                &command_network_list_leases, &rename_network, &set, &show, &unset, NULL,
        },
};
