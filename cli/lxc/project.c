/* SPDX-License-Identifier: Apache-2.0 */
/* lxc project */

#include <stdio.h>

#include "entity.h"
#include "settings.h"

static char *arg_format = NULL, **arg_config = NULL;

static const char *const project_writable[] = { "config", "description", NULL };
static const char *const project_shown[] = { "config", "description", "name", "used_by", NULL };

static const char *feature(struct json_object *o, const char *name) {
        return yes_no_upper(streq(strempty(json_object_get_string(jget_key(jget(o, "config"), name))), "true"));
}

static void add_row(Context *c, Table *table, struct json_object *o) {
        bool current = streq(jstr(o, "name"), c->client->project ?: "default");

        table_cellf(table, "%s%s", jstr(o, "name"), current ? " (current)" : "");
        table_cell(table, feature(o, "features.images"));
        table_cell(table, feature(o, "features.profiles"));
        table_cell(table, feature(o, "features.storage.volumes"));
        table_cell(table, feature(o, "features.networks"));
        table_cell(table, jstr(o, "description"));
        table_cellf(table, "%zu", jlen(jget(o, "used_by")));
}

static const EntityList project_list = {
        .path = "/1.0/projects?recursion=1",
        .titles = (const char *const[]) {
                "NAME", "IMAGES", "PROFILES", "STORAGE VOLUMES", "NETWORKS", "DESCRIPTION", "USED BY", NULL,
        },
        .row = add_row,
        .format = &arg_format,
};

static int project_entity(Context *c, Entity *ret, char **ret_path, char **ret_name) {
        int r;

        r = remote_split(c->args[0], ret_name);
        if (r < 0)
                return r;
        if (isempty(*ret_name))
                return fail(-EINVAL, "Missing project name");
        *ret_path = api_path("projects", *ret_name, NULL);
        *ret = (Entity) {
                .path = *ret_path,
                .writable = project_writable,
                .shown = project_shown,
                .help = "### A project, as YAML.\n"
                        "### Lines that begin with a '#' are ignored.\n"
                        "###\n"
                        "### For example:\n"
                        "### config:\n"
                        "###   features.images: \"true\"\n",
        };
        return 0;
}

static const EntityKind project_kind = { .title = "Project", .find = project_entity };

static int run_create(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *name = NULL;
        int r;

        r = remote_split(c->args[0], &name);
        if (r >= 0)
                r = keyvalues_parse(arg_config, jobject(o, "config"));
        if (r < 0)
                return r;
        jset_str(o, "name", name);
        r = operation_run(c->client, "POST", "/1.0/projects", o, NULL);
        if (r >= 0 && !c->client->quiet)
                printf("Project %s created\n", name);
        return r;
}

static int run_switch(Context *c) {
        _cleanup_free_ char *path = NULL, *name = NULL;
        _cleanup_reply_ Reply reply = {};
        Entity e;
        int r;

        r = project_entity(c, &e, &path, &name);
        if (r >= 0)
                r = client_get(c->client, path, &reply);
        return r < 0 ? r : settings_set_project(name);
}

static const Option options_list[] = { OPTION_FORMAT(arg_format), {} };
static const Option options_create[] = {
        { 'c', "config", OPTION_LIST, &arg_config, "Config key/value to apply to the new project" },
        {},
};

static const Command create = {
        .name = "create",
        .usage = "[<remote>:]<project>",
        .summary = "Create projects",
        .options = options_create,
        .min_args = 1,
        .max_args = 1,
        .run = run_create,
};
static const Command delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<project>",
        .summary = "Delete projects",
        .min_args = 1,
        .max_args = 1,
        .data = &project_kind,
        .run = entity_run_delete,
};
static const Command edit = {
        .name = "edit",
        .usage = "[<remote>:]<project>",
        .summary = "Edit project configurations as YAML",
        .min_args = 1,
        .max_args = 1,
        .data = &project_kind,
        .run = entity_run_edit,
};
static const Command get = {
        .name = "get",
        .usage = "[<remote>:]<project> <key>",
        .summary = "Get values for project configuration keys",
        .min_args = 2,
        .max_args = 2,
        .data = &project_kind,
        .run = entity_run_get,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]",
        .summary = "List projects",
        .options = options_list,
        .max_args = 1,
        .data = &project_list,
        .run = entity_run_list,
};
static const Command rename_project = {
        .name = "rename",
        .aliases = "mv",
        .usage = "[<remote>:]<project> <new-name>",
        .summary = "Rename projects",
        .min_args = 2,
        .max_args = 2,
        .data = &project_kind,
        .run = entity_run_rename,
};
static const Command set = {
        .name = "set",
        .usage = "[<remote>:]<project> <key>=<value>...",
        .summary = "Set project configuration keys",
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .data = &project_kind,
        .run = entity_run_set,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<project>",
        .summary = "Show project options",
        .min_args = 1,
        .max_args = 1,
        .data = &project_kind,
        .run = entity_run_show,
};
static const Command switch_project = {
        .name = "switch",
        .usage = "[<remote>:]<project>",
        .summary = "Switch the current project",
        .min_args = 1,
        .max_args = 1,
        .run = run_switch,
};
static const Command unset = {
        .name = "unset",
        .usage = "[<remote>:]<project> <key>",
        .summary = "Unset project configuration keys",
        .min_args = 2,
        .max_args = 2,
        .data = &project_kind,
        .run = entity_run_unset,
};

const Command command_project = {
        .name = "project",
        .summary = "Manage projects",
        .children = (const Command *const[]) {
                &create, &delete, &edit, &get, &list, &rename_project, &set, &show, &switch_project, &unset, NULL,
        },
};
