/* SPDX-License-Identifier: Apache-2.0 */
/* lxc info: an instance, or the server. */

#include <ctype.h>
#include <stdio.h>

#include "entity.h"
#include "info.h"

static bool arg_resources = false, arg_show_log = false;
static char *arg_target = NULL;

static void print_date(const char *label, struct json_object *o, const char *member) {
        const char *s = jstr(o, member);
        _cleanup_free_ char *date = NULL;

        if (date_seconds(s) <= 0)
                return;
        date = format_date(s);
        printf("%s: %s\n", label, date);
}

static void print_disk(struct json_object *disk) {
        bool first = true;

        JFOREACH(m, disk) {
                _cleanup_free_ char *size = NULL;

                if (jint(m.value, "usage") <= 0)
                        continue;
                if (first)
                        printf("  Disk usage:\n");
                first = false;
                size = format_bytes(jint(m.value, "usage"), 2);
                printf("    %s: %s\n", m.key, size);
        }
}

static void print_memory(struct json_object *memory) {
        static const struct {
                const char *member, *label;
        } lines[] = {
                { "usage", "Memory (current)" }, { "usage_peak", "Memory (peak)" },
                { "swap_usage", "Swap (current)" }, { "swap_usage_peak", "Swap (peak)" },
        };
        bool first = true;

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                int64_t bytes = jint(memory, lines[i].member);
                _cleanup_free_ char *size = NULL;

                if (bytes == 0)
                        continue;
                if (first)
                        printf("  Memory usage:\n");
                first = false;
                size = format_bytes(bytes, 2);
                printf("    %s: %s\n", lines[i].label, size);
        }
}

static void print_interface(const char *name, struct json_object *o) {
        _cleanup_free_ char *state = upper(jstr(o, "state"));
        _cleanup_free_ char *received = format_bytes_decimal(jint(o, "counters.bytes_received"), 2),
                            *sent = format_bytes_decimal(jint(o, "counters.bytes_sent"), 2);
        struct json_object *addresses = jget(o, "addresses");

        printf("    %s:\n", name);
        printf("      Type: %s\n", jstr(o, "type"));
        printf("      State: %s\n", state);
        if (!isempty(jstr(o, "host_name")))
                printf("      Host interface: %s\n", jstr(o, "host_name"));
        if (!isempty(jstr(o, "hwaddr")))
                printf("      MAC address: %s\n", jstr(o, "hwaddr"));
        if (jint(o, "mtu") > 0)
                printf("      MTU: %" PRIi64 "\n", jint(o, "mtu"));
        printf("      Bytes received: %s\n", received);
        printf("      Bytes sent: %s\n", sent);
        printf("      Packets received: %" PRIi64 "\n", jint(o, "counters.packets_received"));
        printf("      Packets sent: %" PRIi64 "\n", jint(o, "counters.packets_sent"));
        printf("      IP addresses:\n");
        for (size_t i = 0; i < jlen(addresses); i++) {
                struct json_object *a = jat(addresses, i);

                printf("        %s:%s %s/%s (%s)\n", jstr(a, "family"), streq(jstr(a, "family"), "inet") ? " " : "", jstr(a, "address"), jstr(a, "netmask"), jstr(a, "scope"));
        }
}

static void print_usage(struct json_object *state) {
        struct json_object *network = jget(state, "network");
        bool first = true;

        printf("\nResources:\n");
        if (jint(state, "processes") != 0)
                printf("  Processes: %" PRIi64 "\n", jint(state, "processes"));
        print_disk(jget(state, "disk"));
        if (jint(state, "cpu.usage") != 0) {
                printf("  CPU usage:\n");
                printf("    CPU usage (in seconds): %" PRIi64 "\n", jint(state, "cpu.usage") / 1000000000);
        }
        print_memory(jget(state, "memory"));
        JFOREACH(m, network) {
                if (first)
                        printf("  Network usage:\n");
                first = false;
                print_interface(m.key, m.value);
        }
}

static int print_snapshots(struct json_object *snapshots) {
        static const char *const titles[] = { "NAME", "TAKEN AT", "EXPIRES AT", "STATEFUL", NULL };
        _cleanup_(table_freep) Table *table = table_new();

        if (jlen(snapshots) == 0)
                return 0;

        table_titles(table, titles);
        for (size_t i = 0; i < jlen(snapshots); i++) {
                struct json_object *o = jat(snapshots, i);
                const char *name = strrchr(jstr(o, "name"), '/');

                table_cell(table, name ? name + 1 : jstr(o, "name"));
                table_cell_take(table, date_seconds(jstr(o, "created_at")) > 0 ? format_date(jstr(o, "created_at")) : xstrdup(" "));
                table_cell_take(table, date_seconds(jstr(o, "expires_at")) > 0 ? format_date(jstr(o, "expires_at")) : xstrdup(" "));
                table_cell(table, yes_no_upper(jbool(o, "stateful")));
        }
        printf("\nSnapshots:\n");
        fflush(stdout);
        return output_list(NULL, table, NULL);
}

static int print_backups(struct json_object *backups) {
        static const char *const titles[] = { "NAME", "TAKEN AT", "EXPIRES AT", "INSTANCE ONLY", "OPTIMIZED STORAGE", NULL };
        _cleanup_(table_freep) Table *table = table_new();

        if (jlen(backups) == 0)
                return 0;

        table_titles(table, titles);
        for (size_t i = 0; i < jlen(backups); i++) {
                struct json_object *o = jat(backups, i);

                table_cell(table, jstr(o, "name"));
                table_cell_take(table, format_date(jstr(o, "created_at")));
                table_cell_take(table, format_date(jstr(o, "expires_at")));
                table_cell(table, yes_no_upper(jbool(o, "instance_only")));
                table_cell(table, yes_no_upper(jbool(o, "optimized_storage")));
        }
        printf("\nBackups:\n");
        fflush(stdout);
        return output_list(NULL, table, NULL);
}

static int print_log(Context *c, const char *name) {
        _cleanup_free_ char *path = api_path("instances", name, "logs", "lxc.log", NULL);
        _cleanup_(http_head_done) HttpHead head = {};
        _cleanup_buffer_ Buffer log = {};
        int r;

        client_add_project(c->client, &path);
        r = client_transfer(c->client, &(HttpRequest) { .method = "GET", .path = path }, &head, http_sink_buffer, &log);
        if (r < 0)
                return r;
        printf("\nLog:\n\n%s\n", strempty(log.data));
        return 0;
}

static int info_instance(Context *c, const char *name) {
        _cleanup_free_ char *path = api_path("instances", name, NULL), *status = NULL;
        const char *location;
        _cleanup_reply_ Reply reply = {};
        struct json_object *o;
        int r;

        if (strchr(name, '/'))
                return fail(-EINVAL, "\"%s\" is a snapshot; \"lxc config show %s\" shows it", name, name);

        api_query(&path, "recursion", "1");
        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;
        o = reply.metadata;

        status = upper(jstr(o, "status"));
        printf("Name: %s\n", jstr(o, "name"));
        if (!isempty(jstr(o, "description")))
                printf("Description: %s\n", jstr(o, "description"));
        printf("Status: %s\n", status);
        printf(jbool(o, "ephemeral") ? "Type: %s (ephemeral)\n" : "Type: %s\n",
               isempty(jstr(o, "type")) ? "container" : jstr(o, "type"));
        printf("Architecture: %s\n", jstr(o, "architecture"));
        location = jstr(o, "location");
        if (!isempty(location) && !streq(location, "none"))
                printf("Location: %s\n", location);
        if (jint(o, "state.pid") != 0)
                printf("PID: %" PRIi64 "\n", jint(o, "state.pid"));
        print_date("Created", o, "created_at");
        print_date("Last Used", o, "last_used_at");

        if (jint(o, "state.pid") != 0)
                print_usage(jget(o, "state"));
        r = print_snapshots(jget(o, "snapshots"));
        if (r >= 0)
                r = print_backups(jget(o, "backups"));
        return r >= 0 && arg_show_log ? print_log(c, name) : r;
}

/* The one list whose members the API begins with capitals, in JSON. */
static struct json_object *lower_members(struct json_object *list) {
        struct json_object *result = json_object_new_array();

        for (size_t i = 0; i < jlen(list); i++) {
                struct json_object *o = jnew();

                JFOREACH(m, jat(list, i)) {
                        _cleanup_free_ char *key = xstrdup(m.key);

                        *key = (char) tolower((unsigned char) *key);
                        jset(o, key, json_object_get(m.value));
                }
                json_object_array_add(result, o);
        }
        return result;
}

static int info_server(Context *c) {
        static const char *const shown[] = {
                "config", "api_extensions", "api_status", "api_version", "auth", "public", "auth_methods", "environment",
                NULL,
        };
        _cleanup_json_ struct json_object *ordered = NULL;
        _cleanup_free_ char *path = xstrdup("/1.0");
        _cleanup_reply_ Reply reply = {};
        struct json_object *drivers;
        int r;

        api_query(&path, "target", arg_target);
        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;
        drivers = jget(reply.metadata, "environment.storage_supported_drivers");
        if (drivers)
                jset(jget(reply.metadata, "environment"), "storage_supported_drivers", lower_members(drivers));
        ordered = entity_order(&(Entity) { .shown = shown }, reply.metadata);
        return output_yaml(ordered);
}

static int run(Context *c) {
        _cleanup_free_ char *name = NULL;
        int r;

        r = remote_split(strempty(c->args[0]), &name);
        if (r < 0)
                return r;
        if (!isempty(name) && arg_target)
                return fail(-EINVAL, "--target cannot be used with instances");
        if (!isempty(name))
                return info_instance(c, name);
        return arg_resources ? info_resources(c, arg_target) : info_server(c);
}

static const Option options[] = {
        { 0, "resources", OPTION_BOOL, &arg_resources, "Show the resources available to the server" },
        { 0, "show-log", OPTION_BOOL, &arg_show_log, "Show the instance's last 100 log lines?" },
        { 0, "target", OPTION_STRING, &arg_target, "Cluster member name" },
        {},
};

const Command command_info = {
        .name = "info",
        .usage = "[<remote>:][<instance>]",
        .summary = "Show instance or server information",
        .examples = "  lxc info [<remote>:]<instance> [--show-log]\n"
                    "      For instance information.\n"
                    "\n"
                    "  lxc info [<remote>:] [--resources]\n"
                    "      For LXD server information.",
        .options = options,
        .max_args = 1,
        .run = run,
};
