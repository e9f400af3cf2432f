/* SPDX-License-Identifier: Apache-2.0 */
/* lxc config trust: clients that may connect over the network. */

#include <stdio.h>

#include "base/file.h"
#include "certificate.h"
#include "config-command.h"
#include "entity.h"

#define PEM_MAX (1024U * 1024U)

static char *arg_format = NULL, *arg_name = NULL, *arg_type = NULL, **arg_projects = NULL;
static bool arg_restricted = false;

static const char *const certificate_writable[] = {
        "name", "type", "restricted", "projects", "certificate", NULL,
};
static const char *const certificate_shown[] = {
        "name", "type", "restricted", "projects", "certificate", "fingerprint", NULL,
};

static int certificate_entity(Context *c, Entity *ret, char **ret_path, char **ret_name) {
        int r;

        r = remote_split(c->args[0], ret_name);
        if (r < 0)
                return r;
        if (isempty(*ret_name))
                return fail(-EINVAL, "Missing certificate fingerprint");
        *ret_path = api_path("certificates", *ret_name, NULL);
        *ret = (Entity) {
                .path = *ret_path,
                .writable = certificate_writable,
                .shown = certificate_shown,
                .help = "### The trust in one client, as YAML.\n"
                        "### Lines that begin with a '#' are ignored.\n",
        };
        return 0;
}

static const EntityKind certificate_kind = { .title = "Certificate", .find = certificate_entity };

/* The certificate of a file as the API takes it: DER in base64. */
static int read_certificate(const char *path, char **ret) {
        _cleanup_free_ unsigned char *der = NULL;
        _cleanup_free_ char *pem = NULL;
        size_t size;
        int r;

        r = file_read(path, PEM_MAX, &pem, NULL);
        if (r < 0)
                return fail(r, "Cannot read %s: %s", path, strerror(-r));
        r = pem_decode(pem, &der, &size);
        if (r < 0)
                return fail(-EINVAL, "%s has no certificate in PEM form", path);
        *ret = base64_encode(der, size);
        return 0;
}

static int print_token(const char *name, struct json_object *operation) {
        static const char *const members[] = {
                "client_name", "fingerprint", "addresses", "secret", "expires_at", NULL,
        };
        _cleanup_json_ struct json_object *token = NULL;
        _cleanup_free_ char *text = NULL;
        struct json_object *metadata = jget(operation, "metadata"), *request = jget(metadata, "request");

        jset(metadata, "client_name", json_object_new_string(isempty(jstr(request, "name")) ? name : jstr(request, "name")));
        token = jpick(metadata, members);
        text = base64_encode((const unsigned char*) jtext(token), strlen(jtext(token)));
        printf("Client %s certificate add token:\n%s\n", name, text);
        return 0;
}

static int run_add(Context *c) {
        char **args = c->args;
        const char *file, *slash;
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *certificate = NULL, *name = xstrdup(arg_name);
        _cleanup_reply_ Reply reply = {};
        int r;

        if (args[0] && endswith(args[0], ":"))
                args++;
        file = args[0];
        if (file) {
                r = read_certificate(file, &certificate);
                if (r < 0)
                        return r;
                slash = strrchr(file, '/');
                if (!name)
                        name = xstrdup(slash ? slash + 1 : file);
                jset_str(o, "certificate", certificate);
        } else {
                if (!name)
                        return fail(-EINVAL, "A token needs a name for the client: pass --name");
                jset_bool(o, "token", true);
        }

        jset_str(o, "name", name);
        jset_str(o, "type", arg_type ?: "client");
        jset_bool(o, "restricted", arg_restricted);
        if (arg_projects)
                jset_strings(o, "projects", arg_projects);

        r = client_call(c->client, "POST", "/1.0/certificates", o, NULL, &reply);
        if (r < 0 || file)
                return r;
        return print_token(name, reply.metadata);
}

static void add_row(Context *c, Table *table, struct json_object *o) {
        _cleanup_(certificate_done) Certificate x = {};
        _cleanup_free_ unsigned char *der = NULL;
        size_t size;
        bool known = pem_decode(jstr(o, "certificate"), &der, &size) >= 0 && certificate_parse(der, size, &x) >= 0;

        table_cell(table, jstr(o, "type"));
        table_cell(table, jstr(o, "name"));
        table_cell(table, strempty(x.common_name));
        table_cellf(table, "%.12s", jstr(o, "fingerprint"));
        table_cell_take(table, known ? format_long_date(x.not_before) : xstrdup(""));
        table_cell_take(table, known ? format_long_date(x.not_after) : xstrdup(""));
}

static const EntityList certificate_list = {
        .path = "/1.0/certificates?recursion=1",
        .titles = (const char *const[]) { "TYPE", "NAME", "COMMON NAME", "FINGERPRINT", "ISSUE DATE", "EXPIRY DATE", NULL },
        .row = add_row,
        .format = &arg_format,
};

/* Tokens are operations that wait for the client. */
static int run_list_tokens(Context *c) {
        static const char *const titles[] = { "NAME", "TOKEN", "EXPIRES AT", NULL };
        _cleanup_json_ struct json_object *tokens = json_object_new_array();
        _cleanup_(table_freep) Table *table = table_new();
        _cleanup_reply_ Reply reply = {};
        struct json_object *running;
        int r;

        r = output_check_format(arg_format);
        if (r >= 0)
                r = remote_check(c->args[0]);
        if (r >= 0)
                r = client_get(c->client, "/1.0/operations?recursion=1", &reply);
        if (r < 0)
                return r;

        table_titles(table, titles);
        running = jget(reply.metadata, "running");
        for (size_t i = 0; i < jlen(running); i++) {
                struct json_object *o = jat(running, i), *metadata = jget(o, "metadata");
                _cleanup_free_ char *text = NULL;

                if (!streq(jstr(o, "class"), "token") || !jget(metadata, "secret") || !jget(metadata, "request"))
                        continue;
                json_object_array_add(tokens, json_object_get(metadata));
                text = base64_encode((const unsigned char*) jtext(metadata), strlen(jtext(metadata)));
                table_cell(table, jstr(metadata, "request.name"));
                table_cell(table, text);
                table_cell_take(table, format_date(jstr(metadata, "expires_at")));
        }
        table_sort(table);
        return output_list(arg_format, table, tokens);
}

static int run_revoke_token(Context *c) {
        _cleanup_free_ char *name = NULL;
        _cleanup_reply_ Reply reply = {};
        struct json_object *running;
        int r;

        r = remote_split(c->args[0], &name);
        if (r >= 0)
                r = client_get(c->client, "/1.0/operations?recursion=1", &reply);
        if (r < 0)
                return r;

        running = jget(reply.metadata, "running");
        for (size_t i = 0; i < jlen(running); i++) {
                struct json_object *o = jat(running, i);
                _cleanup_free_ char *path = NULL;

                if (!streq(jstr(o, "class"), "token") || !streq(jstr(o, "metadata.request.name"), name))
                        continue;
                path = api_path("operations", jstr(o, "id"), NULL);
                r = operation_run(c->client, "DELETE", path, NULL, NULL);
                if (r >= 0)
                        printf("Certificate add token for %s deleted\n", name);
                return r;
        }
        return fail(-ENOENT, "No certificate add token for member %s on remote: local", name);
}

static int run_remove(Context *c) {
        _cleanup_free_ char *path = NULL, *name = NULL;
        Entity e;
        int r;

        r = certificate_entity(c, &e, &path, &name);
        return r < 0 ? r : operation_run(c->client, "DELETE", path, NULL, NULL);
}

static const Option options_add[] = {
        { 0, "name", OPTION_STRING, &arg_name, "Alternative certificate name" },
        { 0, "projects", OPTION_SPLIT, &arg_projects, "List of projects to restrict the certificate to" },
        { 0, "restricted", OPTION_BOOL, &arg_restricted, "Restrict the certificate to one or more projects" },
        { 0, "type", OPTION_STRING, &arg_type, "Type of certificate", NULL, "\"client\"" },
        {},
};
static const Option options_list[] = { OPTION_FORMAT(arg_format), {} };

static const Command add = {
        .name = "add",
        .usage = "[<remote>:] [<cert>]",
        .summary = "Add new trusted client",
        .description = "The types are client and metrics. Without a certificate, a token is made: the client that shows\n"
                       "it first is trusted from then on, and the token is worth nothing any more.",
        .options = options_add,
        .max_args = 2,
        .run = run_add,
};
static const Command edit = {
        .name = "edit",
        .usage = "[<remote>:]<fingerprint>",
        .summary = "Edit trust configurations as YAML",
        .min_args = 1,
        .max_args = 1,
        .data = &certificate_kind,
        .run = entity_run_edit,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .usage = "[<remote>:]",
        .summary = "List trusted clients",
        .options = options_list,
        .max_args = 1,
        .data = &certificate_list,
        .run = entity_run_list,
};
static const Command list_tokens = {
        .name = "list-tokens",
        .usage = "[<remote>:]",
        .summary = "List all active certificate add tokens",
        .options = options_list,
        .max_args = 1,
        .run = run_list_tokens,
};
static const Command remove_client = {
        .name = "remove",
        .aliases = "rm",
        .usage = "[<remote>:]<fingerprint>",
        .summary = "Remove trusted client",
        .min_args = 1,
        .max_args = 1,
        .run = run_remove,
};
static const Command revoke_token = {
        .name = "revoke-token",
        .usage = "[<remote>:]<name>",
        .summary = "Revoke certificate add token",
        .min_args = 1,
        .max_args = 1,
        .run = run_revoke_token,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<fingerprint>",
        .summary = "Show trust configurations",
        .min_args = 1,
        .max_args = 1,
        .data = &certificate_kind,
        .run = entity_run_show,
};

const Command command_config_trust = {
        .name = "trust",
        .summary = "Manage trusted clients",
        .children = (const Command *const[]) {
                &add, &edit, &list, &list_tokens, &remove_client, &revoke_token, &show, NULL,
        },
};
