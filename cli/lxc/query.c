/* SPDX-License-Identifier: Apache-2.0 */
/* lxc query: a request as it is. */

#include "lxc.h"

static char *arg_data = NULL, *arg_request = NULL;
static bool arg_raw = false, arg_wait = false;

static int print_json(struct json_object *o, bool sorted) {
        _cleanup_buffer_ Buffer text = {};

        output_json_pretty(o, sorted, 0, &text);
        buffer_puts(&text, "\n\n");
        return output_bytes(text.data, text.size);
}

static int parse_data(struct json_object **ret) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (arg_data && streq(arg_data, "-")) {
                r = read_stdin(&text, NULL);
                if (r < 0)
                        return r;
        }
        *ret = json_tokener_parse(text ?: arg_data);
        return *ret ? 0 : fail(-EINVAL, "The data are not valid JSON");
}

static int run(Context *c) {
        _cleanup_json_ struct json_object *data = NULL;
        _cleanup_reply_ Reply reply = {}, ended = {};
        _cleanup_free_ char *path = NULL;
        struct json_object *result;
        int r;

        r = remote_split(startswith(c->args[0], "/") ? "" : c->args[0], &path);
        if (r < 0)
                return r;
        if (startswith(c->args[0], "/")) {
                free(path);
                path = xstrdup(c->args[0]);
        }
        if (path[0] != '/')
                return fail(-EINVAL, "Query path must start with /");
        if (arg_data) {
                r = parse_data(&data);
                if (r < 0)
                        return r;
        }

        r = client_call(c->client, arg_request ?: "GET", path, data, NULL, &reply);
        if (r < 0)
                return r;
        if (arg_raw)
                return print_json(reply.document, false);

        result = reply.metadata;
        if (arg_wait && reply.operation) {
                r = operation_wait(c->client, &reply, &ended);
                if (r < 0)
                        return r;
                result = ended.metadata;
        }
        if (!result || (json_object_is_type(result, json_type_object) && json_object_object_length(result) == 0))
                return 0;
        return print_json(result, true);
}

static const Option options[] = {
        { 'd', "data", OPTION_STRING, &arg_data, "Input data" },
        { 0, "raw", OPTION_BOOL, &arg_raw, "Print the raw response" },
        { 'X', "request", OPTION_STRING, &arg_request, "Action (defaults to GET)", NULL, "\"GET\"" },
        { 0, "wait", OPTION_BOOL, &arg_wait, "Wait for the operation to complete" },
        {},
};

const Command command_query = {
        .name = "query",
        .usage = "[<remote>:]<API path>",
        .summary = "Send a raw query to LXD",
        .description = "The data are JSON; - reads them from standard input.",
        .examples = "  lxc query -X DELETE --wait /1.0/instances/c1\n"
                    "      Delete local instance \"c1\".",
        .options = options,
        .min_args = 1,
        .max_args = 1,
        .uncommon = true,
        .run = run,
};
