/* SPDX-License-Identifier: Apache-2.0 */
/* lxc remote: the servers that names in arguments may begin with. */

#include <stdio.h>

#include "lxc.h"

static char *arg_format = NULL;

/* LXD's client has other names, and other members, in JSON than in YAML, where the file it keeps them in is the model. */
static void add_data(struct json_object *o, const Remote *remote) {
        static const char *const empty[] = { "AuthType", "Domain", "Project" };
        const char *protocol = streq(remote->protocol, "lxd") ? "" : remote->protocol;

        if (arg_format && streq(arg_format, "yaml")) {
                jset_str(o, "addr", remote->address);
                if (*protocol)
                        jset_str(o, "protocol", protocol);
                jset_bool(o, "public", remote->is_public);
                return;
        }
        jset_str(o, "Addr", remote->address);
        for (size_t i = 0; i < ELEMENTSOF(empty); i++)
                jset_str(o, empty[i], "");
        jset_str(o, "Protocol", protocol);
        jset_bool(o, "Public", remote->is_public);
        jset_bool(o, "Global", false);
        jset_bool(o, "Static", remote->is_static);
}

static int run_list(Context *c) {
        static const char *const titles[] = { "NAME", "URL", "PROTOCOL", "AUTH TYPE", "PUBLIC", "STATIC", "GLOBAL", NULL };
        _cleanup_json_ struct json_object *all = jnew();
        _cleanup_(table_freep) Table *table = table_new();
        const Remote *remotes;
        size_t n;
        int r;

        r = output_check_format(arg_format);
        if (r < 0)
                return r;

        remotes = remote_list(&n);
        table_titles(table, titles);
        for (size_t i = 0; i < n; i++) {
                const Remote *remote = remotes + i;
                bool local = streq(remote->name, "local");
                struct json_object *o = jobject(all, remote->name);

                table_cellf(table, "%s%s", remote->name, local ? " (current)" : "");
                table_cell(table, remote->address);
                table_cell(table, remote->protocol);
                table_cell(table, local ? "file access" : "none");
                table_cell(table, yes_no_upper(remote->is_public));
                table_cell(table, yes_no_upper(remote->is_static));
                table_cell(table, "NO");

                add_data(o, remote);
        }
        table_sort(table);
        return output_list(arg_format, table, all);
}

static int run_get_default(Context *c) {
        printf("local\n");
        return 0;
}

static const Option options_list[] = { OPTION_FORMAT(arg_format), {} };

static const Command get_default = {
        .name = "get-default",
        .summary = "Show the default remote",
        .run = run_get_default,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .summary = "List the available remotes",
        .options = options_list,
        .run = run_list,
};

const Command command_remote = {
        .name = "remote",
        .summary = "Manage the list of remote servers",
        .description = "The local server, and image servers. Other LXD servers cannot be added yet.",
        .children = (const Command *const[]) { &get_default, &list, NULL },
};
