/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-<name> --introspect: the vtables as XML, asked of sd-bus itself over a socketpair, without any object there. */
#include <stdio.h>
#include <sys/socket.h>

#include "base/str.h"
#include "daemon.h"

typedef struct Introspection {
        sd_bus *server, *client;
        char *xml;
        bool done;
} Introspection;

static void introspection_done(Introspection *i) {
        sd_bus_close_unref(i->client);
        sd_bus_close_unref(i->server);
        free(i->xml);
}

static int on_xml(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Introspection *i = userdata;
        const char *xml;

        i->done = true;
        if (sd_bus_message_read(m, "s", &xml) >= 0)
                return str_replace(&i->xml, xml);
        return 0;
}

/* Both ends live in this process: let each work until the answer is there. */
static int introspect(Introspection *i, const char *path) {
        int r;

        i->done = false;
        r = sd_bus_call_method_async(i->client, NULL, NULL, path, "org.freedesktop.DBus.Introspectable", "Introspect",
                                     on_xml, i, NULL);
        while (r >= 0 && !i->done) {
                r = sd_bus_process(i->server, NULL);
                if (r >= 0)
                        r = sd_bus_process(i->client, NULL);
        }
        return r < 0 ? r : i->xml ? 0 : -EBADMSG;
}

static int introspection_open(Introspection *i) {
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -errno;
        r = sd_bus_new(&i->server);
        if (r >= 0)
                r = sd_bus_set_fd(i->server, pair[0], pair[0]);
        if (r >= 0)
                r = sd_bus_set_server(i->server, 1, SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 0));
        if (r >= 0)
                r = sd_bus_start(i->server);
        if (r >= 0)
                r = sd_bus_new(&i->client);
        if (r >= 0)
                r = sd_bus_set_fd(i->client, pair[1], pair[1]);
        return r < 0 ? r : sd_bus_start(i->client);
}

/* The <interface> element of one name, out of a node's XML. */
static void print_interface(const char *xml, const char *interface) {
        _cleanup_free_ char *tag = NULL;
        const char *begin, *end;

        if (str_format(&tag, " <interface name=\"%s\">", interface) < 0)
                return;
        begin = strstr(xml, tag);
        end = begin ? strstr(begin, "</interface>") : NULL;
        for (const char *line = begin; end && line < end; line = strchrnul(line, '\n') + 1) {
                int n = (int) strcspn(line, "\n");

                /* Says only that sd-bus itself does not let everybody in: the bus policy decides that. */
                if (!memmem(line, (size_t) n, "systemd1.Privileged", STRLEN("systemd1.Privileged")) && line + n < end)
                        printf(" %.*s\n", n, line);
        }
        if (end)
                printf("  </interface>\n");
}

static int print_tables(const DaemonSpec *spec) {
        _cleanup_(introspection_done) Introspection i = {};
        int r;

        r = introspection_open(&i);
        for (const BusInterface *b = spec->interfaces; r >= 0 && b && b->path; b++)
                r = sd_bus_add_object_vtable(i.server, NULL, b->path, b->interface, b->vtable, NULL);
        printf("<!-- Made by lxd-%s --introspect from the running vtables. docs/bus.md explains. -->\n<node>\n", spec->name);
        for (const BusInterface *b = spec->interfaces; r >= 0 && b && b->path; b++) {
                bool first = true;

                for (const BusInterface *c = spec->interfaces; c < b; c++)
                        first = first && !streq(c->path, b->path);
                if (!first)
                        continue;
                r = introspect(&i, b->path);
                if (r < 0)
                        break;
                printf(" <node name=\"%s%s\">\n", b->path, b->find ? "/..." : "");
                for (const BusInterface *c = b; c->path; c++)
                        if (streq(c->path, b->path))
                                print_interface(i.xml, c->interface);
                printf(" </node>\n");
        }
        printf("</node>\n");
        return r;
}

int daemon_parse_argv(const DaemonSpec *spec, int argc, char **argv) {
        if (argc <= 1)
                return 0;
        if (argc == 2 && streq(argv[1], "--introspect")) {
                int r = print_tables(spec);

                return r < 0 ? r : 1;
        }
        if (argc == 2 && streq(argv[1], "--version")) {
                printf("lxd-%s %s\n", spec->name, LXD_VERSION);
                return 1;
        }
        fprintf(stderr, "lxd-%s: unknown argument \"%s\". It is started by systemd through its socket or bus name; "
                        "--introspect and --version are all it takes.\n", spec->name, argv[1]);
        return -EINVAL;
}
