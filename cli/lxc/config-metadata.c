/* SPDX-License-Identifier: Apache-2.0 */
/* lxc config metadata: the metadata.yaml of an instance. */

#include "config-command.h"
#include "editor.h"
#include "yaml-json.h"

static int metadata_path(Context *c, char **ret) {
        _cleanup_free_ char *name = NULL;
        int r;

        r = remote_split(c->args[0], &name);
        if (r >= 0)
                *ret = api_path("instances", name, "metadata", NULL);
        return r;
}

static int run_show(Context *c) {
        _cleanup_free_ char *path = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = metadata_path(c, &path);
        if (r >= 0)
                r = client_get(c->client, path, &reply);
        return r < 0 ? r : output_yaml_map(reply.metadata);
}

/* Here numbers and booleans are what they look like, except among the properties. */
static int put_yaml(Context *c, const char *path, const char *text, size_t size, const char *etag) {
        _cleanup_json_ struct json_object *o = NULL;
        _cleanup_free_ char *message = NULL;
        struct json_object *properties;
        int r;

        r = yaml_parse(text, size, &o, &message);
        if (r < 0)
                return fail(-EINVAL, "%s", message ?: strerror(-r));
        if (!o)
                o = jnew(); /* an empty text says nothing, and is no mistake */
        if (!json_object_is_type(o, json_type_object))
                return fail(-EINVAL, "The text is to be a YAML map, \"key: value\" line by line");
        properties = jget(o, "properties");
        if (properties && yaml_stringify(&properties) < 0)
                abort();
        return operation_run(c->client, "PUT", path, o, etag);
}

static int run_edit(Context *c) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_reply_ Reply reply = {};
        size_t size;
        int r;

        r = metadata_path(c, &path);
        if (r >= 0)
                r = client_require_extension(c->client, "container_edit_metadata");
        if (r < 0)
                return r;
        if (!isatty(STDIN_FILENO)) {
                r = read_stdin(&text, &size);
                return r < 0 ? r : put_yaml(c, path, text, size, NULL);
        }

        r = client_get(c->client, path, &reply);
        if (r >= 0)
                r = output_yaml_text(reply.metadata, &text);
        if (r < 0)
                return r;

        for (;;) {
                _cleanup_free_ char *edited = NULL;

                r = editor_run(text, strlen(text), ".yaml", &edited, &size);
                if (r < 0)
                        return r;
                r = put_yaml(c, path, edited, size, reply.etag);
                if (r >= 0)
                        return 0;
                r = editor_ask_again(r);
                if (r < 0)
                        return r;
                free(text);
                text = TAKE_PTR(edited);
        }
}

static const Command edit = {
        .name = "edit",
        .usage = "[<remote>:]<instance>",
        .summary = "Edit instance metadata files",
        .min_args = 1,
        .max_args = 1,
        .run = run_edit,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<instance>",
        .summary = "Show instance metadata files",
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
};

const Command command_config_metadata = {
        .name = "metadata",
        .summary = "Manage instance metadata files",
        .children = (const Command *const[]) { &edit, &show, NULL },
};
