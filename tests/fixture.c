/* SPDX-License-Identifier: Apache-2.0 */
/* The loop between a test and the vtables it tests. */
#include <stdarg.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "fixture.h"

static int connect_client(Fixture *f, BusServer *server) {
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -errno;
        r = bus_server_add_connection(server, pair[0]);
        if (r >= 0)
                r = sd_bus_new(&f->client);
        if (r >= 0)
                r = sd_bus_set_fd(f->client, pair[1], pair[1]);
        if (r >= 0)
                r = sd_bus_negotiate_fds(f->client, true);
        if (r >= 0)
                r = sd_bus_start(f->client);
        return r < 0 ? r : sd_bus_attach_event(f->client, f->event, 0);
}

int fixture_open(Fixture *f, const DaemonSpec *spec) {
        int r;

        r = f->event ? 0 : sd_event_new(&f->event);
        if (r >= 0)
                r = bus_server_new(f->event, spec->root, spec->userdata, &f->server);
        for (const BusInterface *i = spec->interfaces; r >= 0 && i && i->path; i++)
                r = bus_server_add_interface(f->server, i);
        for (const struct BusEnumerator *e = spec->enumerators; r >= 0 && e && e->prefix; e++)
                r = bus_server_add_enumerator(f->server, e->prefix, e->callback);
        if (r >= 0)
                r = operations_new(f->event, f->server, spec->root, spec->owner, &f->operations);
        return r < 0 ? r : connect_client(f, f->server);
}

int fixture_join(Fixture *f, sd_event *event, BusServer *server) {
        f->event = sd_event_ref(event);
        return connect_client(f, server);
}

void fixture_close(Fixture *f) {
        f->reply = sd_bus_message_unref(f->reply);
        f->client = sd_bus_close_unref(f->client);
        f->operations = operations_free(f->operations);
        f->server = bus_server_free(f->server);
        f->event = sd_event_unref(f->event);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Fixture *f = userdata;

        sd_bus_message_unref(f->reply);
        f->reply = sd_bus_message_ref(m);
        f->answered = true;
        return 0;
}

int fixture_message(Fixture *f, sd_bus_message **ret, const char *path, const char *interface, const char *member) {
        /* Whoever appends a descriptor waits for the handshake, of which the other half is done by the same loop. */
        while (sd_bus_is_ready(f->client) == 0 && sd_event_run(f->event, UINT64_MAX) >= 0)
                ;
        return sd_bus_message_new_method_call(f->client, ret, NULL, path, interface, member);
}

int fixture_send(Fixture *f, sd_bus_message *m, sd_bus_error *error) {
        int r;

        f->answered = false;
        r = sd_bus_call_async(f->client, NULL, m, on_reply, f, 0);
        while (r >= 0 && !f->answered && !f->gone)
                r = sd_event_run(f->event, UINT64_MAX);
        if (r < 0)
                return r;
        if (!f->answered)
                return -EPIPE;
        if (sd_bus_message_is_method_error(f->reply, NULL)) {
                if (error)
                        (void) sd_bus_error_copy(error, sd_bus_message_get_error(f->reply));
                return -sd_bus_message_get_errno(f->reply);
        }
        return 0;
}

int fixture_call(Fixture *f, const char *path, const char *interface, const char *member, sd_bus_error *error, const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list ap;
        int r;

        r = fixture_message(f, &m, path, interface, member);
        if (r < 0)
                return r;
        va_start(ap, types);
        r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        return r < 0 ? r : fixture_send(f, m, error);
}

char *fixture_document(Fixture *f) {
        char *text;
        int fd;

        if (sd_bus_message_read(f->reply, "h", &fd) < 0 || fd_read_all(fd, 64 << 20, &text, NULL) < 0)
                return NULL;
        return text;
}
