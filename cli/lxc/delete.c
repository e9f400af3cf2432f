/* SPDX-License-Identifier: Apache-2.0 */
/* lxc delete */

#include <stdio.h>

#include "action.h"

static bool arg_force = false, arg_interactive = false;

static int confirm(const char *name) {
        char line[64];

        printf("Remove %s (yes/no): ", name);
        fflush(stdout);
        if (!fgets(line, sizeof(line), stdin))
                line[0] = 0;
        line[strcspn(line, "\n")] = 0;
        return strcasecmp(line, "yes") == 0 || strcasecmp(line, "y") == 0 ? 0 : fail(-ECANCELED, "User aborted delete operation");
}

static int delete_path(Context *c, const char *path) {
        return operation_run(c->client, "DELETE", path, NULL, NULL);
}

/* Nothing is deleted if one of several names is wrong. */
static int check_exists(Context *c, const char *name) {
        _cleanup_free_ char *path = instance_path(name);
        _cleanup_reply_ Reply reply = {};
        int r;

        r = client_get(c->client, path, &reply);
        if (r < 0)
                return fail_context(r, "Failed checking instance %sexists \"local:%s\"",
                                    strchr(name, '/') ? "snapshot " : "", name);
        return 0;
}

/* A running instance is stopped first; one that is ephemeral is gone by that. */
static int stop_first(Context *c, const char *name, bool *ret_gone, struct json_object *instance) {
        _cleanup_reply_ Reply reply = {};
        int r;

        if (!arg_force)
                return fail(-EBUSY, "The instance is currently running, stop it first or pass --force");

        r = action_request(c->client, name, "stop", -1, true, false, &reply);
        if (r >= 0)
                r = operation_wait(c->client, &reply, NULL);
        if (r < 0)
                return fail_context(r, "Stopping the instance failed");
        *ret_gone = jbool(instance, "ephemeral");
        return 0;
}

static int delete_instance(Context *c, const char *name) {
        _cleanup_free_ char *path = instance_path(name);
        _cleanup_reply_ Reply reply = {};
        int64_t code;
        bool gone = false;
        int r;

        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        code = jint(reply.metadata, "status_code");
        if (code != 0 && code != 102 && code != 112) {         /* neither stopped nor in an error */
                r = stop_first(c, name, &gone, reply.metadata);
                if (r < 0 || gone)
                        return r;
        }
        return delete_path(c, path);
}

static int delete_one(Context *c, const char *name) {
        _cleanup_free_ char *path = instance_path(name);

        if (arg_interactive) {
                int r = confirm(name);
                if (r < 0)
                        return r;
        }
        return strchr(name, '/') ? delete_path(c, path) : delete_instance(c, name);
}

static int run(Context *c) {
        _cleanup_list_ char **names = NULL;
        int r = 0;

        for (char **a = c->args; *a; a++) {
                char *name;

                r = remote_split(*a, &name);
                if (r < 0)
                        return r;
                list_append(&names, name);
                r = check_exists(c, name);
                if (r < 0)
                        return r;
        }
        for (char **name = names; *name && r >= 0; name++)
                r = delete_one(c, *name);
        return r;
}

static const Option options[] = {
        { 'f', "force", OPTION_BOOL, &arg_force, "Force the removal of running instances" },
        { 'i', "interactive", OPTION_BOOL, &arg_interactive, "Require user confirmation" },
        {},
};

const Command command_delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<instance>[/<snapshot>] [[<remote>:]<instance>[/<snapshot>]...]",
        .summary = "Delete instances and snapshots",
        .options = options,
        .min_args = 1,
        .max_args = COMMAND_ANY,
        .run = run,
};
