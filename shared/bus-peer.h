/* SPDX-License-Identifier: Apache-2.0 */
/* The client side of a private socket: connects when needed, calls without blocking, hangs up when idle. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/macro.h"
#include "bus-message.h"

typedef struct BusPeer BusPeer;

/* The answer of a call. m is the reply (errors too: sd_bus_message_is_method_error()). Called exactly once for each successful
 * bus_peer_call(), also when the other daemon dies. error is set (from m) when the call failed, else NULL. */
typedef void (*bus_peer_reply_t)(sd_bus_message *m, const sd_bus_error *error, void *userdata);
/* A signal from the peer (only with bus_peer_subscribe()), or m == NULL: the connection was lost; it is opened again by itself. */
typedef void (*bus_peer_signal_t)(BusPeer *p, sd_bus_message *m, void *userdata);

/* daemon: "instanced" etc. Does not connect yet. 0, -ENOMEM. */
int bus_peer_new(sd_event *event, const char *daemon, BusPeer **ret);
BusPeer *bus_peer_free(BusPeer *p); /* pending calls are forgotten: their callbacks are not called */
DEFINE_CLEANUP(BusPeer, bus_peer_free)

/* For tests: uses this connected socket instead of /run/lxd/<daemon>.bus. */
int bus_peer_attach(BusPeer *p, int fd);

/* A new method call message; connects when there is no connection. 0, -errno (-ECONNREFUSED, -ENOENT: daemon not there). */
int bus_peer_message(BusPeer *p, sd_bus_message **ret, const char *path, const char *interface, const char *member);
/* Sends it without a timeout. 0, -errno (then the callback is not called). */
int bus_peer_call(BusPeer *p, sd_bus_message *m, bus_peer_reply_t callback, void *userdata);
/* Wants (or no longer wants) the peer's signals; keeps the connection open while wanted, and opens it again when lost. */
int bus_peer_subscribe(BusPeer *p, bus_peer_signal_t callback, void *userdata);
void bus_peer_unsubscribe(BusPeer *p);
/* Pending calls. A daemon with pending calls is not idle. */
unsigned bus_peer_pending(BusPeer *p);

/* For workers, runner and tools (never in a daemon): a blocking connection. The caller owns *ret (sd_bus_flush_close_unref). */
int bus_open_private(const char *daemon, sd_bus **ret);
