/* SPDX-License-Identifier: Apache-2.0 */
/* lxc storage volume copy, move */

#include <stdio.h>

#include "copy.h"
#include "storage.h"

static char *arg_mode = NULL, *arg_destination = NULL, *arg_target_project = NULL;
static bool arg_refresh = false, arg_volume_only = false;

static int parse_both(Context *c, Volume *from, Volume *to) {
        int r;

        r = copy_check_mode(arg_mode);
        if (r >= 0)
                r = volume_parse_path(c->args[0], "source", from);
        if (r >= 0)
                r = volume_parse_path(c->args[1], "target", to);
        if (r >= 0 && to->snapshot)
                return fail(-EINVAL, "The target of a copy or move cannot be a snapshot");
        return r;
}

static int run_copy(Context *c) {
        _cleanup_(volume_done) Volume from = {}, to = {};
        _cleanup_json_ struct json_object *o = jnew();
        struct json_object *source = jobject(o, "source");
        _cleanup_free_ char *path = NULL, *name = NULL, *source_path = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = parse_both(c, &from, &to);
        if (r < 0)
                return r;
        source_path = volume_path(&from, arg_storage_target);
        r = client_get(c->client, source_path, &reply);
        if (r < 0)
                return r;

        name = from.snapshot ? xformat("%s/%s", from.name, from.snapshot) : xstrdup(from.name);
        jset_str(source, "type", "copy");
        jset_str(source, "name", name);
        jset_str(source, "pool", from.pool);
        jset_bool(source, "volume_only", arg_volume_only || from.snapshot);
        if (arg_refresh)
                jset_bool(source, "refresh", true);
        if (arg_target_project)
                jset_str(source, "project", c->client->project ?: "default");
        jset_str(o, "name", to.name);
        jset_str(o, "type", "custom");
        jset_str(o, "content_type", jstr(reply.metadata, "content_type"));
        jset_str(o, "description", jstr(reply.metadata, "description"));
        jset(o, "config", json_object_get(jget(reply.metadata, "config")));

        path = api_path("storage-pools", to.pool, "volumes", "custom", NULL);
        api_query(&path, "project", arg_target_project);
        api_query(&path, "target", arg_destination);
        r = operation_run(c->client, "POST", path, o, NULL);
        if (r >= 0 && !c->client->quiet)
                printf("Storage volume copied successfully!\n");
        return r;
}

static int run_move(Context *c) {
        _cleanup_(volume_done) Volume from = {}, to = {};
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = NULL;
        int r;

        r = parse_both(c, &from, &to);
        if (r < 0)
                return r;
        if (from.snapshot)
                return fail(-EINVAL, "Snapshots cannot be moved on their own");

        jset_str(o, "name", to.name);
        jset_str(o, "pool", to.pool);
        jset_str(o, "project", arg_target_project);
        path = volume_path(&from, arg_storage_target);
        r = operation_run(c->client, "POST", path, o, NULL);
        if (r >= 0 && !c->client->quiet)
                printf("Storage volume moved successfully!\n");
        return r;
}

#define OPTION_DESTINATION { 0, "destination-target", OPTION_STRING, &arg_destination, "Destination cluster member name" }
#define OPTION_MODE { 0, "mode", OPTION_STRING, &arg_mode, "Transfer mode. One of pull (default), push or relay.", NULL, "\"pull\"" }
static const Option options_copy[] = {
        OPTION_DESTINATION,
        OPTION_MODE,
        { 0, "refresh", OPTION_BOOL, &arg_refresh, "Refresh and update the existing storage volume copies" },
        OPTION_STORAGE_TARGET,
        { 0, "target-project", OPTION_STRING, &arg_target_project, "Copy to a project different from the source" },
        { 0, "volume-only", OPTION_BOOL, &arg_volume_only, "Copy the volume without its snapshots" },
        {},
};
static const Option options_move[] = {
        OPTION_DESTINATION,
        OPTION_MODE,
        OPTION_STORAGE_TARGET,
        { 0, "target-project", OPTION_STRING, &arg_target_project, "Move to a project different from the source" },
        {},
};

const Command command_storage_volume_copy = {
        .name = "copy",
        .aliases = "cp",
        .usage = "[<remote>:]<pool>/<volume>[/<snapshot>] [<remote>:]<pool>/<volume>",
        .summary = "Copy storage volumes",
        .options = options_copy,
        .min_args = 2,
        .max_args = 2,
        .run = run_copy,
};
const Command command_storage_volume_move = {
        .name = "move",
        .aliases = "mv",
        .usage = "[<remote>:]<pool>/<volume> [<remote>:]<pool>/<volume>",
        .summary = "Move storage volumes between pools",
        .options = options_move,
        .min_args = 2,
        .max_args = 2,
        .run = run_move,
};
