/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the same vtables on the system bus and on every connection of the private socket, and signals to all of them. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct BusServer BusServer;

/* One interface of one object or of a family of objects. Vtables begin with SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED): who may
 * call is decided by the bus policy and the mode of the private socket, and by bus_require_*() in internal interfaces. */
typedef struct BusInterface {
        const char *path;      /* the object, or the prefix of the family */
        const char *interface;
        const sd_bus_vtable *vtable;
        sd_bus_object_find_t find; /* NULL: one object. Else: is the path below the prefix one of ours (bus_path_decode()) */
        void *userdata;            /* NULL: the server's */
} BusInterface;

/* root: the root object (gets ObjectManager). userdata goes to vtables without find, to find() and to enumerators. */
int bus_server_new(sd_event *event, const char *root, void *userdata, BusServer **ret);
BusServer *bus_server_free(BusServer *s);

/* Interfaces are remembered (not copied: static tables) and added to every connection, present and to come. 0, -errno. */
int bus_server_add_interface(BusServer *s, const BusInterface *i);
/* Enumerator of the family below prefix, for ObjectManager and introspection. */
int bus_server_add_enumerator(BusServer *s, const char *prefix, sd_bus_node_enumerator_t callback);
/* The same with a userdata of its own instead of the server's. */
int bus_server_add_enumerator_for(BusServer *s, const char *prefix, sd_bus_node_enumerator_t callback, void *userdata);

/* Sees every message, on all connections, before anybody else; returns 1 when it has dealt with it. */
void bus_server_set_filter(BusServer *s, sd_bus_message_handler_t callback, void *userdata);

/* The callback hears that the last private connection is gone. */
void bus_server_set_alone(BusServer *s, void (*callback)(void *userdata), void *userdata);

/* Serves the system bus under `name`; when there is no system bus that is only logged. 0, -errno. */
int bus_server_open_system(BusServer *s, const char *name);
/* Serves a listening unix socket (ours from then on). 0, -errno. */
int bus_server_listen(BusServer *s, int fd);
/* Serves one connected stream socket (ours from then on); tests use a socketpair. 0, -errno. */
int bus_server_add_connection(BusServer *s, int fd);

sd_bus *bus_server_system(BusServer *s); /* may be NULL; not referenced */
unsigned bus_server_connections(BusServer *s); /* private ones that are open */
/* Monotonic µs of the last message on any connection. */
uint64_t bus_server_last_activity(BusServer *s);
/* Gives the bus name back; callback runs when the broker has said so: everything sent to us before has been delivered by then, and
 * everything later starts us again. 1 = callback will come, 0 = there is no name, -errno. */
int bus_server_release(BusServer *s, sd_bus_message_handler_t callback, void *userdata);
/* Accepts no further private connections: they wait in the listening socket for the next process. */
void bus_server_stop_listening(BusServer *s);

/* Marks the connection of m as wanting signals (Operations1.Subscribe). */
int bus_server_subscribe(BusServer *s, sd_bus_message *m);

/* Signals, to the system bus and to the subscribers: what daemons tell each other. Missing listeners cost nothing. 0, -errno. */
int bus_server_emit(BusServer *s, const char *path, const char *interface, const char *member,
                    int (*fill)(sd_bus_message *m, void *userdata), void *userdata);
/* Those of D-Bus' own interfaces, for people: to the system bus alone. */
int bus_server_emit_properties_changed(BusServer *s, const char *path, const char *interface, char **names);
int bus_server_emit_object_added(BusServer *s, const char *path);
int bus_server_emit_object_removed(BusServer *s, const char *path);

/* Decodes n labels below prefix into fresh strings (char **out each, in order). 1 = matches, 0 = not of this shape, -ENOMEM. */
int bus_path_decode(const char *path, const char *prefix, size_t n, char ***ret_labels);
/* Encodes prefix + labels (NULL-terminated varargs) into a path. 0, -ENOMEM. */
int bus_path_encode(char **ret, const char *prefix, ...) __attribute__((sentinel));
