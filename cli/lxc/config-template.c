/* SPDX-License-Identifier: Apache-2.0 */
/* lxc config template: the template files of an instance. */

#include "config-command.h"
#include "editor.h"

static char *arg_format = NULL;

/* The path of the templates, or of one. */
static int template_path(Context *c, const char *template, char **ret) {
        _cleanup_free_ char *name = NULL;
        int r;

        r = remote_split(c->args[0], &name);
        if (r >= 0)
                r = client_require_extension(c->client, "container_edit_metadata");
        if (r < 0)
                return r;
        *ret = api_path("instances", name, "metadata", "templates", NULL);
        api_query(ret, "path", template);
        client_add_project(c->client, ret);
        return 0;
}

static int run_list(Context *c) {
        _cleanup_(table_freep) Table *table = table_new();
        _cleanup_free_ char *path = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = output_check_format(arg_format);
        if (r >= 0)
                r = template_path(c, NULL, &path);
        if (r >= 0)
                r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        table_title(table, "FILENAME");
        for (size_t i = 0; i < jlen(reply.metadata); i++)
                table_cell(table, jstr_at(reply.metadata, i));
        table_sort(table);
        return output_list(arg_format, table, reply.metadata);
}

static int put_template(Context *c, const char *path, const void *data, size_t size) {
        static char *const headers[] = { (char*) "Content-Type: application/octet-stream", NULL };
        _cleanup_reply_ Reply reply = {};

        return client_send(c->client, &(HttpRequest) {
                .method = "POST",
                .path = path,
                .headers = headers,
                .parts = &(HttpPart) { .data = data, .size = size },
                .n_parts = 1,
        }, &reply);
}

static int get_template(Context *c, const char *path, Buffer *ret) {
        _cleanup_(http_head_done) HttpHead head = {};
        int r;

        r = client_transfer(c->client, &(HttpRequest) { .method = "GET", .path = path }, &head, http_sink_buffer, ret);
        if (r >= 0 && !ret->data)
                buffer_puts(ret, "");
        return r;
}

static int run_create(Context *c) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = template_path(c, c->args[1], &path);
        return r < 0 ? r : put_template(c, path, "", 0);
}

static int run_delete(Context *c) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = template_path(c, c->args[1], &path);
        return r < 0 ? r : operation_run(c->client, "DELETE", path, NULL, NULL);
}

static int run_show(Context *c) {
        _cleanup_free_ char *path = NULL;
        _cleanup_buffer_ Buffer text = {};
        int r;

        r = template_path(c, c->args[1], &path);
        if (r >= 0)
                r = get_template(c, path, &text);
        return r < 0 ? r : output_bytes(text.data, text.size);
}

static int run_edit(Context *c) {
        _cleanup_free_ char *path = NULL, *edited = NULL;
        _cleanup_buffer_ Buffer text = {};
        size_t size;
        int r;

        r = template_path(c, c->args[1], &path);
        if (r < 0)
                return r;
        if (!isatty(STDIN_FILENO))
                r = read_stdin(&edited, &size);
        else {
                r = get_template(c, path, &text);
                if (r >= 0)
                        r = editor_run(text.data, text.size, ".tpl", &edited, &size);
        }
        return r < 0 ? r : put_template(c, path, edited, size);
}

static const Option options_list[] = { OPTION_FORMAT(arg_format), {} };

#define TEMPLATE_COMMAND(id, verb, text)                                                                      \
        static const Command id = {                                                                           \
                .name = verb,                                                                                 \
                .usage = "[<remote>:]<instance> <template>",                                                  \
                .summary = text,                                                                              \
                .min_args = 2,                                                                                \
                .max_args = 2,                                                                                \
                .run = run_##id,                                                                              \
        }
TEMPLATE_COMMAND(create, "create", "Create new instance file templates");
TEMPLATE_COMMAND(edit, "edit", "Edit instance file templates");
TEMPLATE_COMMAND(show, "show", "Show content of instance file templates");
static const Command delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<instance> <template>",
        .summary = "Delete instance file templates",
        .min_args = 2,
        .max_args = 2,
        .run = run_delete,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]<instance>",
        .summary = "List instance file templates",
        .options = options_list,
        .min_args = 1,
        .max_args = 1,
        .run = run_list,
};

const Command command_config_template = {
        .name = "template",
        .summary = "Manage instance file templates",
        .children = (const Command *const[]) { &create, &delete, &edit, &list, &show, NULL },
};
