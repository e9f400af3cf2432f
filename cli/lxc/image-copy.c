/* SPDX-License-Identifier: Apache-2.0 */
/* lxc image copy: from an image server into the local store. */

#include <stdio.h>

#include "image.h"

static char **arg_alias = NULL, *arg_mode = NULL, *arg_target_project = NULL;
static bool arg_auto_update = false, arg_copy_aliases = false, arg_public = false, arg_vm = false;

static int run(Context *c) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *name = NULL, *target = NULL, *path = xstrdup("/1.0/images");
        _cleanup_reply_ Reply started = {}, ended = {};
        struct json_object *source = jobject(o, "source");
        const char *server, *protocol;
        int r;

        r = remote_split_image(c->args[0], &name, &server, &protocol);
        if (r >= 0)
                r = remote_split(c->args[1], &target);
        if (r < 0)
                return r;
        if (!server)
                return fail(-EINVAL, "The source and target servers must be different");

        jset_str(source, "type", "image");
        jset_str(source, "mode", "pull");
        jset_str(source, "server", server);
        jset_str(source, "protocol", protocol);
        jset_str(source, "alias", name);
        jset_str(source, "image_type", arg_vm ? "virtual-machine" : "container");
        jset_bool(o, "auto_update", arg_auto_update);
        jset_bool(o, "public", arg_public);
        api_query(&path, "project", arg_target_project);

        r = client_call(c->client, "POST", path, o, NULL, &started);
        if (r >= 0)
                r = operation_wait(c->client, &started, &ended);
        if (r < 0)
                return r;
        if (arg_copy_aliases)
                list_append(&arg_alias, xstrdup(name));
        r = image_set_aliases(c->client, arg_alias, image_fingerprint(ended.metadata));
        if (r >= 0 && !c->client->quiet)
                printf("Image copied successfully!\n");
        return r;
}

static const Option options[] = {
        { 0, "alias", OPTION_LIST, &arg_alias, "New aliases to add to the image" },
        { 0, "auto-update", OPTION_BOOL, &arg_auto_update, "Keep the image up to date after initial copy" },
        { 0, "copy-aliases", OPTION_BOOL, &arg_copy_aliases, "Copy aliases from source" },
        { 0, "mode", OPTION_STRING, &arg_mode, "Transfer mode. One of pull (default), push or relay", NULL, "\"pull\"" },
        { 0, "public", OPTION_BOOL, &arg_public, "Make image public" },
        { 0, "target-project", OPTION_STRING, &arg_target_project, "Copy to a project different from the source" },
        { 0, "vm", OPTION_BOOL, &arg_vm, "Copy virtual machine images" },
        {},
};

const Command command_image_copy = {
        .name = "copy",
        .aliases = "cp",
        .usage = "[<remote>:]<image> <remote>:",
        .summary = "Copy images between servers",
        .description = "With --auto-update, the server looks for newer versions of the alias from then on.",
        .options = options,
        .min_args = 2,
        .max_args = 2,
        .run = run,
};
