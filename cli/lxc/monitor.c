/* SPDX-License-Identifier: Apache-2.0 */
/* lxc monitor: events as they happen. */

#include <poll.h>
#include <stdio.h>

#include "base/str.h"
#include "lxc.h"
#include "websocket.h"
#include "yaml-json.h"

static char *arg_format = NULL, *arg_loglevel = NULL, **arg_type = NULL;
static bool arg_pretty = false, arg_all_projects = false;

static const char *const levels[] = { "trace", "debug", "info", "warning", "error", "fatal", "panic" };

static int level_number(const char *level) {
        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (streq(levels[i], level) || (streq(level, "warn") && i == 3) || (streq(level, "eror") && i == 4))
                        return (int) i;
        return -1;
}

/* A value of a log line: quoted when it would not read back as one word. */
static void put_value(Buffer *line, const char *s) {
        if (*s && !s[strcspn(s, " \t\n\"=\\[](){},;:'<>|*&$!?#")]) {
                buffer_puts(line, s);
                return;
        }
        buffer_putc(line, '"');
        for (; *s; s++) {
                if (*s == '"' || *s == '\\')
                        buffer_putc(line, '\\');
                if (*s == '\n')
                        buffer_puts(line, "\\n");
                else
                        buffer_putc(line, *s);
        }
        buffer_putc(line, '"');
}

static void put_context(Buffer *line, struct json_object *context) {
        JFOREACH(m, context) {
                buffer_printf(line, " %s=", m.key);
                put_value(line, m.value ? json_object_is_type(m.value, json_type_string) ? json_object_get_string(m.value)
                                                                                        : jtext(m.value) : "");
        }
}

static char *event_message(const char *type, struct json_object *metadata) {
        struct json_object *requestor = jget(metadata, "requestor");

        if (streq(type, "logging"))
                return xstrdup(jstr(metadata, "message"));
        if (streq(type, "lifecycle") && requestor)
                return xformat("Action: %s, Source: %s, Requestor: %s/%s (%s)", jstr(metadata, "action"), jstr(metadata, "source"),
                               jstr(requestor, "protocol"), jstr(requestor, "username"), jstr(requestor, "address"));
        if (streq(type, "lifecycle"))
                return xformat("Action: %s, Source: %s", jstr(metadata, "action"), jstr(metadata, "source"));
        return xformat("ID: %s, Class: %s, Description: %s", jstr(metadata, "id"), jstr(metadata, "class"),
                       jstr(metadata, "description"));
}

/* As LXD's client writes values of a log line: "map[instances:[/1.0/instances/c1]]". */
static void put_tree(Buffer *text, struct json_object *o) {
        const char *space = "";

        if (json_object_is_type(o, json_type_array)) {
                buffer_putc(text, '[');
                for (size_t i = 0; i < jlen(o); i++, space = " ") {
                        buffer_puts(text, space);
                        put_tree(text, jat(o, i));
                }
                buffer_putc(text, ']');
        } else if (json_object_is_type(o, json_type_object)) {
                buffer_puts(text, "map[");
                JFOREACH(m, o) {
                        buffer_printf(text, "%s%s:", space, m.key);
                        put_tree(text, m.value);
                        space = " ";
                }
                buffer_putc(text, ']');
        } else
                buffer_puts(text, o ? json_object_get_string(o) : "<nil>");
}

static void put_time(Buffer *text, const char *time) {
        const char *t = strchr(time, 'T');

        if (t && endswith(time, "Z"))
                buffer_printf(text, "%.*s %.*s +0000 UTC", (int) (t - time), time, (int) strlen(t) - 2, t + 1);
        else
                buffer_puts(text, time);
}

static void put_operation(Buffer *line, struct json_object *o) {
        enum { WORD, TIME, MAP };
        static const struct {
                const char *name, *member;
                int kind;
        } fields[] = {
                { "CreatedAt", "created_at", TIME }, { "Err", "err", WORD }, { "Location", "location", WORD },
                { "MayCancel", "may_cancel", WORD }, { "Metadata", "metadata", MAP }, { "Resources", "resources", MAP },
                { "Status", "status", WORD }, { "StatusCode", "status", WORD }, { "UpdatedAt", "updated_at", TIME },
        };

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                struct json_object *value = jget(o, fields[i].member);
                _cleanup_buffer_ Buffer text = {};

                buffer_puts(&text, "");
                if (fields[i].kind == TIME)
                        put_time(&text, jstr(o, fields[i].member));
                else if (fields[i].kind == MAP && !value)
                        buffer_puts(&text, "map[]");
                else
                        put_tree(&text, value);
                buffer_printf(line, " %s=", fields[i].name);
                if (text.size > 0)
                        put_value(line, text.data);
        }
}

static int print_pretty(struct json_object *event) {
        struct json_object *metadata = jget(event, "metadata");
        const char *type = jstr(event, "type"), *level = streq(type, "logging") ? jstr(metadata, "level") : "info";
        _cleanup_free_ char *message = event_message(type, metadata);
        _cleanup_buffer_ Buffer line = {};
        const char *time = jstr(event, "timestamp");

        if (arg_loglevel && level_number(level) < level_number(arg_loglevel))
                return 0;

        /* Seconds are enough for people. */
        buffer_printf(&line, "time=\"%.*sZ\" level=%s msg=", (int) MIN(strcspn(time, "."), strcspn(time, "Z")), time, level);
        buffer_putc(&line, '"');
        for (const char *p = message; *p; p++) {
                if (*p == '"' || *p == '\\')
                        buffer_putc(&line, '\\');
                if (*p == '\n')
                        buffer_puts(&line, "\\n");
                else
                        buffer_putc(&line, *p);
        }
        buffer_putc(&line, '"');

        if (streq(type, "operation"))
                put_operation(&line, metadata);
        else
                put_context(&line, jget(metadata, "context"));
        buffer_putc(&line, '\n');
        return output_bytes(line.data, line.size);
}

static int print_event(struct json_object *event) {
        _cleanup_buffer_ Buffer text = {};
        _cleanup_free_ char *yaml = NULL;
        int r;

        if (arg_pretty || (arg_format && streq(arg_format, "pretty")))
                return print_pretty(event);

        if (arg_format && streq(arg_format, "json"))
                buffer_printf(&text, "%s\n\n", jtext(event));
        else {
                r = yaml_dump(event, YAML_DUMP_SORT | YAML_DUMP_QUOTE_TIMES, &yaml, NULL);
                if (r < 0)
                        return fail(r, "An event cannot be written as YAML: %s", strerror(-r));
                buffer_printf(&text, "%s\n\n", yaml);
        }
        return output_bytes(text.data, text.size);
}

static int on_data(WebSocket *w, WebSocketType type, const void *data, size_t n, void *userdata) {
        buffer_append(userdata, data, n);
        return 0;
}

static int on_end(WebSocket *w, WebSocketType type, void *userdata) {
        Buffer *message = userdata;
        _cleanup_json_ struct json_object *event = message->data ? json_tokener_parse(message->data) : NULL;

        buffer_consume(message, message->size);
        return event ? print_event(event) : 0;
}

static char *join_types(void) {
        Buffer text = {};

        buffer_puts(&text, "");
        for (char **t = arg_type; t && *t; t++)
                buffer_printf(&text, "%s%s", t == arg_type ? "" : ",", *t);
        return text.data;
}

static int check_options(void) {
        static const char *const formats[] = { "json", "pretty", "yaml" };
        bool known = !arg_format;

        for (size_t i = 0; i < ELEMENTSOF(formats) && !known; i++)
                known = streq(arg_format, formats[i]);
        if (!known)
                return fail(-EINVAL, "Invalid format: %s", arg_format);
        if (arg_pretty && arg_format && !streq(arg_format, "pretty"))
                return fail(-EINVAL, "Pretty rendering and the format %s contradict each other", arg_format);
        if (arg_loglevel && !arg_pretty && !(arg_format && streq(arg_format, "pretty")))
                return fail(-EINVAL, "Log level filtering can only be used with pretty formatting");
        if (arg_loglevel && level_number(arg_loglevel) < 0)
                return fail(-EINVAL, "Unknown log level \"%s\": it is one of trace, debug, info, warning, error", arg_loglevel);
        return 0;
}

static int pump(Client *client, WebSocket *w) {
        for (;;) {
                struct pollfd p = { .fd = websocket_fd(w), .events = websocket_events(w) };
                int r;

                if (!websocket_has_input(w) && poll(&p, 1, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return fail(-errno, "Cannot wait for events: %m");
                }
                r = websocket_read(w);
                if (r < 0)
                        return r;
                if (r == 0) {
                        (void) client_connection_failed(client, -ECONNRESET);
                        return fail(-ECONNRESET, "The stream of events has ended");
                }
        }
}

static int run(Context *c) {
        _cleanup_(websocket_freep) WebSocket *w = NULL;
        _cleanup_free_ char *path = xstrdup("/1.0/events"), *types = NULL, *name = NULL;
        _cleanup_buffer_ Buffer message = {};
        int r;

        r = remote_split(strempty(c->args[0]), &name);
        if (r >= 0)
                r = check_options();
        if (r < 0)
                return r;

        types = join_types();
        api_query(&path, "type", *types ? types : NULL);
        if (arg_all_projects)
                api_query(&path, "all-projects", "true");
        else
                client_add_project(c->client, &path);

        r = websocket_start(c->client->socket_path, path, &(WebSocketHandler) { on_data, on_end, &message }, &w);
        if (r >= 0)
                r = websocket_finish(w);
        if (r < 0)
                return fail_text() ? r : client_connection_failed(c->client, r);
        return pump(c->client, w);
}

static const Option options[] = {
        { 0, "all-projects", OPTION_BOOL, &arg_all_projects, "Show events from all projects" },
        { 'f', "format", OPTION_STRING, &arg_format, "Format (json|pretty|yaml)", NULL, "\"yaml\"" },
        { 0, "loglevel", OPTION_STRING, &arg_loglevel, "Minimum level for log messages (only available when using pretty format)" },
        { 0, "pretty", OPTION_BOOL, &arg_pretty, "Pretty rendering (short for --format=pretty)" },
        { 0, "type", OPTION_SPLIT, &arg_type, "Event type to listen for" },
        {},
};

const Command command_monitor = {
        .name = "monitor",
        .usage = "[<remote>:]",
        .summary = "Monitor a local or remote LXD server",
        .description = "Types are lifecycle, logging and operation; several may be given. Without one, all are shown.",
        .examples = "  lxc monitor --type=lifecycle\n"
                    "      Only show lifecycle events.\n"
                    "\n"
                    "  lxc monitor --pretty --type=logging --loglevel=info\n"
                    "      Show a pretty log of messages with info level or higher.",
        .options = options,
        .max_args = 1,
        .uncommon = true,
        .run = run,
};
