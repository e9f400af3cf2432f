/* SPDX-License-Identifier: Apache-2.0 */
/* lxc network list, list-leases */

#include "entity.h"
#include "network.h"

static char *arg_format = NULL;

static void add_row(Context *c, Table *table, struct json_object *o) {
        struct json_object *config = jget(o, "config");

        if (streq(jstr(o, "type"), "loopback") || streq(jstr(o, "type"), "unknown"))
                return;
        table_cell(table, jstr(o, "name"));
        table_cell(table, jstr(o, "type"));
        table_cell(table, yes_no_upper(jbool(o, "managed")));
        table_cell(table, json_object_get_string(jget_key(config, "ipv4.address")));
        table_cell(table, json_object_get_string(jget_key(config, "ipv6.address")));
        table_cell(table, jstr(o, "description"));
        table_cellf(table, "%zu", jlen(jget(o, "used_by")));
        table_cell_take(table, upper(jstr(o, "status")));
}

static const EntityList network_list = {
        .path = "/1.0/networks?recursion=1",
        .titles = (const char *const[]) { "NAME", "TYPE", "MANAGED", "IPV4", "IPV6", "DESCRIPTION", "USED BY", "STATE", NULL },
        .row = add_row,
        .format = &arg_format,
};

static int run_list_leases(Context *c) {
        static const char *const titles[] = { "HOSTNAME", "MAC ADDRESS", "IP ADDRESS", "TYPE", NULL };
        _cleanup_(table_freep) Table *table = table_new();
        _cleanup_free_ char *name = NULL, *path = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = output_check_format(arg_format);
        if (r >= 0)
                r = remote_split(c->args[0], &name);
        if (r < 0)
                return r;
        path = api_path("networks", name, "leases", NULL);
        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        table_titles(table, titles);
        for (size_t i = 0; i < jlen(reply.metadata); i++) {
                struct json_object *o = jat(reply.metadata, i);

                table_cell(table, jstr(o, "hostname"));
                table_cell(table, jstr(o, "hwaddr"));
                table_cell(table, jstr(o, "address"));
                table_cell_take(table, upper(jstr(o, "type")));
        }
        table_sort(table);
        return output_list(arg_format, table, reply.metadata);
}

static const Option options[] = { OPTION_FORMAT(arg_format), {} };

const Command command_network_list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]",
        .summary = "List available networks",
        .options = options,
        .max_args = 1,
        .data = &network_list,
        .run = entity_run_list,
};
const Command command_network_list_leases = {
        .name = "list-leases",
        .usage = "[<remote>:]<network>",
        .summary = "List DHCP leases",
        .options = options,
        .min_args = 1,
        .max_args = 1,
        .run = run_list_leases,
};
