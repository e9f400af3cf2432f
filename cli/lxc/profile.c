/* SPDX-License-Identifier: Apache-2.0 */
/* lxc profile */

#include <stdio.h>

#include "device.h"
#include "profile.h"

static char *arg_format = NULL, *arg_target_project = NULL;

static void add_row(Context *c, Table *table, struct json_object *o) {
        table_cell(table, jstr(o, "name"));
        table_cell(table, jstr(o, "description"));
        table_cellf(table, "%zu", jlen(jget(o, "used_by")));
}

static const EntityList profile_list = {
        .path = "/1.0/profiles?recursion=1",
        .titles = (const char *const[]) { "NAME", "DESCRIPTION", "USED BY", NULL },
        .row = add_row,
        .format = &arg_format,
};

static int run_create(Context *c) {
        _cleanup_json_ struct json_object *o = NULL;
        const Entity e = { .writable = profile_writable, .shown = profile_shown };
        _cleanup_free_ char *name = NULL, *text = NULL;
        size_t size;
        int r;

        r = remote_split(c->args[0], &name);
        if (r < 0)
                return r;
        if (isatty(STDIN_FILENO))
                o = jnew();
        else {
                r = read_stdin(&text, &size);
                if (r >= 0)
                        r = entity_parse(&e, text, size, &o);
                if (r < 0)
                        return r;
        }

        jset_str(o, "name", name);
        r = operation_run(c->client, "POST", "/1.0/profiles", o, NULL);
        if (r >= 0 && !c->client->quiet)
                printf("Profile %s created\n", name);
        return r;
}

static int run_copy(Context *c) {
        _cleanup_json_ struct json_object *o = NULL;
        _cleanup_free_ char *from = NULL, *to = NULL, *path = NULL, *target = xstrdup("/1.0/profiles");
        _cleanup_reply_ Reply reply = {};
        int r;

        r = remote_split(c->args[0], &from);
        if (r >= 0)
                r = remote_split(c->args[1], &to);
        if (r < 0)
                return r;
        path = api_path("profiles", from, NULL);
        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        o = jpick(reply.metadata, profile_writable);
        jset_str(o, "name", isempty(to) ? from : to);
        api_query(&target, "project", arg_target_project);
        return operation_run(c->client, "POST", target, o, NULL);
}

/* Entity of the profile that the first argument names. */
static int profile_entity(Context *c, Entity *ret, char **ret_path, char **ret_name) {
        int r;

        r = device_entity(c, &owner_profile, ret, ret_path, ret_name);
        ret->help = "### A profile, as YAML.\n"
                    "### Lines that begin with a '#' are ignored.\n"
                    "###\n"
                    "### For example:\n"
                    "### config:\n"
                    "###   limits.cpu: \"2\"\n"
                    "### devices:\n"
                    "###   eth0:\n"
                    "###     network: lxdbr0\n"
                    "###     type: nic\n"
                    "###\n"
                    "### The name is shown but cannot be changed here.\n";
        return r;
}

static const EntityKind profile_kind = { .title = "Profile", .find = profile_entity };

/* A change of the list of profiles of an instance. */
typedef struct ListChange {
        const char *instance, *add, *remove;
        char **assign;
} ListChange;

static int change_profiles(struct json_object *o, void *userdata) {
        ListChange *l = userdata;
        struct json_object *old = jget(o, "profiles"), *list = json_object_new_array();
        bool removed = false;

        for (size_t i = 0; i < jlen(old) && !l->assign; i++) {
                if (l->remove && streq(jstr_at(old, i), l->remove))
                        removed = true;
                else
                        json_object_array_add(list, json_object_get(jat(old, i)));
        }
        if (l->add)
                json_object_array_add(list, json_object_new_string(l->add));
        for (char **p = l->assign; p && *p; p++)
                if (**p)
                        json_object_array_add(list, json_object_new_string(*p));
        jset(o, "profiles", list);

        if (l->remove && !removed)
                return fail(-ENOENT, "Profile %s isn't currently applied to %s", l->remove, l->instance);
        return 0;
}

static int change_instance(Context *c, ListChange *change) {
        _cleanup_free_ char *name = NULL, *path = NULL;
        Entity e;
        int r;

        r = device_entity(c, &owner_instance, &e, &path, &name);
        if (r < 0)
                return r;
        change->instance = name;
        return entity_change(c, &e, change_profiles, change);
}

static int run_add(Context *c) {
        int r;

        r = change_instance(c, &(ListChange) { .add = c->args[1] });
        if (r >= 0 && !c->client->quiet)
                printf("Profile %s added to %s\n", c->args[1], c->args[0]);
        return r;
}

static int run_remove(Context *c) {
        int r;

        r = change_instance(c, &(ListChange) { .remove = c->args[1] });
        if (r >= 0 && !c->client->quiet)
                printf("Profile %s removed from %s\n", c->args[1], c->args[0]);
        return r;
}

static int run_assign(Context *c) {
        _cleanup_list_ char **profiles = list_split(c->args[1], ',');
        int r;

        r = change_instance(c, &(ListChange) { .assign = profiles });
        if (r >= 0 && !c->client->quiet)
                printf("Profiles %s applied to %s\n", isempty(c->args[1]) ? "(none)" : c->args[1], c->args[0]);
        return r;
}

static const Option options_list[] = { OPTION_FORMAT(arg_format), {} };
static const Option options_copy[] = {
        { 0, "target-project", OPTION_STRING, &arg_target_project, "Copy to a project different from the source" },
        {},
};

static const Command add = {
        .name = "add",
        .usage = "[<remote>:]<instance> <profile>",
        .summary = "Add profiles to instances",
        .min_args = 2,
        .max_args = 2,
        .run = run_add,
};
static const Command assign = {
        .name = "assign",
        .aliases = "apply",
        .usage = "[<remote>:]<instance> <profiles>",
        .summary = "Assign sets of profiles to instances",
        .examples = "  lxc profile assign foo default,bar\n"
                    "      Gives \"foo\" the profiles \"default\" and \"bar\", and no others.\n"
                    "\n"
                    "  lxc profile assign foo ''\n"
                    "      Takes all profiles from \"foo\".",
        .min_args = 2,
        .max_args = 2,
        .run = run_assign,
};
static const Command copy = {
        .name = "copy",
        .aliases = "cp",
        .usage = "[<remote>:]<profile> [<remote>:]<profile>",
        .summary = "Copy profiles",
        .options = options_copy,
        .min_args = 2,
        .max_args = 2,
        .run = run_copy,
};
static const Command create = {
        .name = "create",
        .usage = "[<remote>:]<profile>",
        .summary = "Create profiles",
        .examples = "  lxc profile create p1 < profile.yaml\n"
                    "      Creates it with the configuration of a file.",
        .min_args = 1,
        .max_args = 1,
        .run = run_create,
};
static const Command delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<profile>",
        .summary = "Delete profiles",
        .min_args = 1,
        .max_args = 1,
        .data = &profile_kind,
        .run = entity_run_delete,
};
static const Command edit = {
        .name = "edit",
        .usage = "[<remote>:]<profile>",
        .summary = "Edit profile configurations as YAML",
        .examples = "  lxc profile edit <profile> < profile.yaml\n"
                    "      Update a profile using the content of profile.yaml",
        .min_args = 1,
        .max_args = 1,
        .data = &profile_kind,
        .run = entity_run_edit,
};
static const Command get = {
        .name = "get",
        .usage = "[<remote>:]<profile> <key>",
        .summary = "Get values for profile configuration keys",
        .min_args = 2,
        .max_args = 2,
        .data = &profile_kind,
        .run = entity_run_get,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]",
        .summary = "List profiles",
        .options = options_list,
        .max_args = 1,
        .data = &profile_list,
        .run = entity_run_list,
};
static const Command remove_profile = {
        .name = "remove",
        .usage = "[<remote>:]<instance> <profile>",
        .summary = "Remove profiles from instances",
        .min_args = 2,
        .max_args = 2,
        .run = run_remove,
};
static const Command rename_profile = {
        .name = "rename",
        .aliases = "mv",
        .usage = "[<remote>:]<profile> <new-name>",
        .summary = "Rename profiles",
        .min_args = 2,
        .max_args = 2,
        .data = &profile_kind,
        .run = entity_run_rename,
};
static const Command set = {
        .name = "set",
        .usage = "[<remote>:]<profile> <key>=<value>...",
        .summary = "Set profile configuration keys",
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .data = &profile_kind,
        .run = entity_run_set,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<profile>",
        .summary = "Show profile configurations",
        .min_args = 1,
        .max_args = 1,
        .data = &profile_kind,
        .run = entity_run_show,
};
static const Command unset = {
        .name = "unset",
        .usage = "[<remote>:]<profile> <key>",
        .summary = "Unset profile configuration keys",
        .min_args = 2,
        .max_args = 2,
        .data = &profile_kind,
        .run = entity_run_unset,
};

const Command command_profile = {
        .name = "profile",
        .summary = "Manage profiles",
        .children = (const Command *const[]) {
                &add, &assign, &copy, &create, &delete, &command_profile_device, &edit, &get, &list, &remove_profile,
                &rename_profile, &set, &show, &unset, NULL,
        },
};
