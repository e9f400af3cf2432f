/* SPDX-License-Identifier: Apache-2.0 */
/* One set of vtables on many connections: the system bus and the private peers. */
#include <stdarg.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "bus-server.h"
#include "log.h"

typedef struct Connection {
        BusServer *server;
        sd_bus *bus;
        sd_event_source *first; /* looks once at what came with the handshake */
        bool subscribed;
        struct Connection *next;
} Connection;

typedef struct Enumerator {
        const char *prefix;
        sd_bus_node_enumerator_t callback;
        void *userdata;
} Enumerator;

struct BusServer {
        sd_event *event;
        char *root;
        void *userdata;
        sd_bus *system;
        char *name;
        sd_event_source *listener;
        Connection *connections;
        unsigned n_connections;
        uint64_t last_activity;
        void (*on_alone)(void *userdata);
        void *alone_userdata;
        sd_bus_message_handler_t filter; /* may be NULL */
        void *filter_userdata;
        const BusInterface *interfaces[32];
        size_t n_interfaces;
        Enumerator enumerators[16];
        size_t n_enumerators;
};

static int on_any_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        BusServer *s = userdata;

        s->last_activity = now_monotonic();
        return s->filter ? s->filter(m, s->filter_userdata, error) : 0;
}

void bus_server_set_filter(BusServer *s, sd_bus_message_handler_t callback, void *userdata) {
        s->filter = callback;
        s->filter_userdata = userdata;
}

void bus_server_set_alone(BusServer *s, void (*callback)(void *userdata), void *userdata) {
        s->on_alone = callback;
        s->alone_userdata = userdata;
}

static int add_interface_to(BusServer *s, sd_bus *bus, const BusInterface *i) {
        void *userdata = i->userdata ?: s->userdata;

        return i->find ? sd_bus_add_fallback_vtable(bus, NULL, i->path, i->interface, i->vtable, i->find, userdata)
                       : sd_bus_add_object_vtable(bus, NULL, i->path, i->interface, i->vtable, userdata);
}

/* Everything that has been registered so far, on a fresh connection. */
static int populate(BusServer *s, sd_bus *bus) {
        int r;

        r = sd_bus_add_object_manager(bus, NULL, s->root);
        if (r < 0)
                return r;
        r = sd_bus_add_filter(bus, NULL, on_any_message, s);
        for (size_t i = 0; r >= 0 && i < s->n_interfaces; i++)
                r = add_interface_to(s, bus, s->interfaces[i]);
        for (size_t i = 0; r >= 0 && i < s->n_enumerators; i++)
                r = sd_bus_add_node_enumerator(bus, NULL, s->enumerators[i].prefix, s->enumerators[i].callback,
                                               s->enumerators[i].userdata);
        return r;
}

int bus_server_new(sd_event *event, const char *root, void *userdata, BusServer **ret) {
        BusServer *s = calloc(1, sizeof(BusServer));

        if (!s)
                return -ENOMEM;
        *s = (BusServer) {
                .event = sd_event_ref(event),
                .root = strdup(root),
                .userdata = userdata,
                .last_activity = now_monotonic(),
        };
        if (!s->root) {
                bus_server_free(s);
                return -ENOMEM;
        }
        *ret = s;
        return 0;
}

static void connection_free(Connection *c) {
        for (Connection **p = &c->server->connections; *p; p = &(*p)->next)
                if (*p == c) {
                        *p = c->next;
                        c->server->n_connections--;
                        break;
                }
        sd_event_source_disable_unref(c->first);
        sd_bus_close_unref(c->bus); /* no flush: it would wait for a peer that does not read */
        if (c->server->n_connections == 0 && c->server->on_alone)
                c->server->on_alone(c->server->alone_userdata);
        free(c);
}

BusServer *bus_server_free(BusServer *s) {
        if (!s)
                return NULL;
        while (s->connections)
                connection_free(s->connections);
        sd_event_source_disable_unref(s->listener);
        sd_bus_close_unref(s->system);
        sd_event_unref(s->event);
        free(s->root);
        free(s->name);
        free(s);
        return NULL;
}

int bus_server_add_interface(BusServer *s, const BusInterface *i) {
        int r;

        if (s->n_interfaces == ELEMENTSOF(s->interfaces))
                return -ENOBUFS;
        s->interfaces[s->n_interfaces++] = i;
        if (s->system) {
                r = add_interface_to(s, s->system, i);
                if (r < 0)
                        return r;
        }
        for (Connection *c = s->connections; c; c = c->next) {
                r = add_interface_to(s, c->bus, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

int bus_server_add_enumerator_for(BusServer *s, const char *prefix, sd_bus_node_enumerator_t callback, void *userdata) {
        int r;

        if (s->n_enumerators == ELEMENTSOF(s->enumerators))
                return -ENOBUFS;
        s->enumerators[s->n_enumerators++] = (Enumerator) { prefix, callback, userdata };
        if (s->system) {
                r = sd_bus_add_node_enumerator(s->system, NULL, prefix, callback, userdata);
                if (r < 0)
                        return r;
        }
        for (Connection *c = s->connections; c; c = c->next) {
                r = sd_bus_add_node_enumerator(c->bus, NULL, prefix, callback, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

int bus_server_add_enumerator(BusServer *s, const char *prefix, sd_bus_node_enumerator_t callback) {
        return bus_server_add_enumerator_for(s, prefix, callback, s->userdata);
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        BusServer *s = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);

        if (e)
                log_error("Failed to take the bus name %s: %s", s->name, e->message);
        return 0;
}

/* The broker is gone: with it the name and all callers on that side. A fresh process starts from a clean state. */
static int on_system_lost(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        BusServer *s = userdata;

        log_warning("Lost the system bus, ending to be started again.");
        return sd_event_exit(s->event, 0);
}

/* Like sd_bus_open_system(), but trusted: who may call is written in the bus policy, and there alone. */
static int open_trusted_system(sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, secure_getenv("DBUS_SYSTEM_BUS_ADDRESS") ?: "unix:path=/run/dbus/system_bus_socket");
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_set_trusted(bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

int bus_server_open_system(BusServer *s, const char *name) {
        int r;

        r = open_trusted_system(&s->system);
        if (r < 0) {
                log_warning_errno(r, "No system bus, serving the private socket only: %m");
                return 0;
        }
        s->name = strdup(name);
        if (!s->name)
                return -ENOMEM;
        r = populate(s, s->system);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(s->system, NULL, NULL, "/org/freedesktop/DBus/Local",
                                      "org.freedesktop.DBus.Local", "Disconnected", on_system_lost, NULL, s);
        if (r < 0)
                return r;
        r = sd_bus_request_name_async(s->system, NULL, name, 0, on_name, s);
        if (r < 0)
                return r;
        return sd_bus_attach_event(s->system, s->event, SD_EVENT_PRIORITY_NORMAL);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        connection_free(userdata);
        return 0;
}

static int on_first_calls(sd_event_source *source, void *userdata) {
        Connection *c = userdata;
        _cleanup_(sd_bus_unrefp) sd_bus *bus = sd_bus_ref(c->bus); /* the connection may end on the way */
        int r;

        do
                r = sd_bus_process(bus, NULL);
        while (r > 0);
        return 0; /* an error ends the connection, which tells on_disconnected() */
}

/* Calls that came in one packet with the end of the handshake lie in the buffer of sd-bus, which would look at it only when more comes. */
static int on_connected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Connection *c = userdata;

        return sd_event_add_defer(c->server->event, &c->first, on_first_calls, c);
}

static int connection_start(Connection *c, int fd) {
        sd_id128_t id;
        int r;

        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        r = sd_bus_set_fd(c->bus, fd, fd); /* owns fd from here on */
        if (r >= 0)
                r = sd_bus_set_server(c->bus, 1, id);
        if (r >= 0)
                r = sd_bus_set_trusted(c->bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(c->bus, true);
        if (r >= 0)
                r = sd_bus_set_connected_signal(c->bus, true);
        if (r >= 0)
                r = sd_bus_start(c->bus);
        return r;
}

int bus_server_add_connection(BusServer *s, int fd) {
        Connection *c;
        int r;

        c = calloc(1, sizeof(Connection));
        if (!c) {
                (void) close(fd);
                return -ENOMEM;
        }
        r = sd_bus_new(&c->bus);
        if (r < 0) {
                (void) close(fd);
                free(c);
                return r;
        }
        c->server = s;
        c->next = s->connections;
        s->connections = c;
        s->n_connections++;
        r = connection_start(c, fd);
        if (r >= 0)
                r = populate(s, c->bus);
        if (r >= 0)
                r = sd_bus_match_signal(c->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, c);
        if (r >= 0)
                r = sd_bus_match_signal(c->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Connected", on_connected, c);
        /* What is sent is with the peer by then, unless he does not read, or has not even said who he is: nobody waits for that at the end. */
        if (r >= 0)
                r = sd_bus_set_close_on_exit(c->bus, false);
        if (r >= 0)
                r = sd_bus_attach_event(c->bus, s->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                connection_free(c);
        return r;
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        BusServer *s = userdata;
        int conn, r;

        conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (conn < 0) {
                if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                        log_warning_errno(-errno, "Failed to accept a connection: %m");
                return 0;
        }
        s->last_activity = now_monotonic();
        r = bus_server_add_connection(s, conn);
        if (r < 0)
                log_warning_errno(r, "Failed to serve a connection: %m");
        return 0;
}

int bus_server_listen(BusServer *s, int fd) {
        int r;

        r = sd_event_add_io(s->event, &s->listener, fd, EPOLLIN, on_accept, s);
        if (r < 0)
                return r;
        return sd_event_source_set_io_fd_own(s->listener, true);
}

sd_bus *bus_server_system(BusServer *s) {
        return s->system;
}

unsigned bus_server_connections(BusServer *s) {
        return s->n_connections;
}

uint64_t bus_server_last_activity(BusServer *s) {
        return s->last_activity;
}

int bus_server_release(BusServer *s, sd_bus_message_handler_t callback, void *userdata) {
        if (!s->system || !s->name)
                return 0;
        return sd_bus_release_name_async(s->system, NULL, s->name, callback, userdata) < 0 ? -EIO : 1;
}

void bus_server_stop_listening(BusServer *s) {
        if (s->listener)
                (void) sd_event_source_set_enabled(s->listener, SD_EVENT_OFF);
}

int bus_server_subscribe(BusServer *s, sd_bus_message *m) {
        for (Connection *c = s->connections; c; c = c->next)
                if (c->bus == sd_bus_message_get_bus(m)) {
                        c->subscribed = true;
                        return 0;
                }
        return 0; /* the system bus gets signals anyway */
}

/* Nobody to send to is no fault. */
static int sent(int r) {
        return r > 0 || r == -ENOTCONN ? 0 : r;
}

static int emit_on(sd_bus *bus, const char *path, const char *interface, const char *member,
                   int (*fill)(sd_bus_message *m, void *userdata), void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_signal(bus, &m, path, interface, member);
        if (r >= 0 && fill)
                r = fill(m, userdata);
        if (r >= 0)
                r = sd_bus_send(bus, m, NULL);
        return sent(r);
}

/* The first error is returned, but all are tried. */
int bus_server_emit(BusServer *s, const char *path, const char *interface, const char *member,
                    int (*fill)(sd_bus_message *m, void *userdata), void *userdata) {
        int r = s->system ? emit_on(s->system, path, interface, member, fill, userdata) : 0;

        for (Connection *c = s->connections; c; c = c->next)
                if (c->subscribed) {
                        int k = emit_on(c->bus, path, interface, member, fill, userdata);

                        r = r < 0 ? r : k;
                }
        return r;
}

int bus_server_emit_properties_changed(BusServer *s, const char *path, const char *interface, char **names) {
        return s->system ? sent(sd_bus_emit_properties_changed_strv(s->system, path, interface, names)) : 0;
}

int bus_server_emit_object_added(BusServer *s, const char *path) {
        return s->system ? sent(sd_bus_emit_object_added(s->system, path)) : 0;
}

int bus_server_emit_object_removed(BusServer *s, const char *path) {
        return s->system ? sent(sd_bus_emit_object_removed(s->system, path)) : 0;
}

/* One encoded label of n bytes; *ret NULL when the encoding is wrong. */
static int label_decode(const char *s, size_t n, char **ret) {
        _cleanup_free_ char *one = NULL, *path = NULL, *label = NULL;
        int r;

        r = str_format(&path, "/x/%.*s", (int) n, s);
        if (r < 0)
                return r;
        r = sd_bus_path_decode(path, "/x", &label);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(label);
        return r;
}

int bus_path_decode(const char *path, const char *prefix, size_t n, char ***ret_labels) {
        _cleanup_strv_free_ Strv labels = NULL;
        const char *p = startswith(path, prefix);
        int r;

        if (!p)
                return 0;
        labels = calloc(n + 1, sizeof(char *));
        if (!labels)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                size_t length;

                if (*p != '/')
                        return 0;
                p++;
                length = strcspn(p, "/");
                r = label_decode(p, length, &labels[i]);
                if (r < 0)
                        return r;
                if (!labels[i] || !text_is_valid(labels[i], true)) /* else the error could not say the name, and would not be sent */
                        return 0;
                p += length;
        }
        if (*p)
                return 0;
        *ret_labels = TAKE_PTR(labels);
        return 1;
}

int bus_path_encode(char **ret, const char *prefix, ...) {
        _cleanup_free_ char *path = strdup(prefix);
        const char *label;
        va_list ap;
        int r = path ? 0 : -ENOMEM;

        va_start(ap, prefix);
        while (r >= 0 && (label = va_arg(ap, const char *))) {
                char *longer = NULL;

                r = sd_bus_path_encode(path, label, &longer);
                if (r >= 0) {
                        free(path);
                        path = longer;
                }
        }
        va_end(ap);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(path);
        return 0;
}
