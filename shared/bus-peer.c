/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to another daemon over its private socket. Hanging up when idle is what lets the other side end. */
#include <sys/socket.h>

#include "base/str.h"
#include "bus-error.h"
#include "bus-peer.h"
#include "log.h"

#define IDLE_USEC (3 * USEC_PER_SEC)
#define RECONNECT_USEC (200 * USEC_PER_MSEC)

typedef struct Call {
        BusPeer *peer;
        bus_peer_reply_t callback;
        void *userdata;
        sd_bus_slot *slot;
        sd_bus_message *message; /* not sent yet */
        sd_bus_message *failure; /* the connection was lost: told once that is over */
        struct Call *previous, *next;
} Call;

struct BusPeer {
        sd_event *event;
        char *daemon;
        sd_bus *bus;
        sd_event_source *idle;
        Call *calls;
        unsigned pending;
        int attached_fd; /* tests: the socket to use for the first connection */
        bool attached;   /* such a socket was given: there is no second one, so it stays open */
        bus_peer_signal_t signal;
        void *signal_userdata;
};

static int peer_connect(BusPeer *p);

int bus_peer_new(sd_event *event, const char *daemon, BusPeer **ret) {
        _cleanup_(bus_peer_freep) BusPeer *p = calloc(1, sizeof(BusPeer));

        if (!p)
                return -ENOMEM;
        p->attached_fd = -EBADF;
        p->event = sd_event_ref(event);
        p->daemon = strdup(daemon);
        if (!p->daemon)
                return -ENOMEM;
        *ret = TAKE_PTR(p);
        return 0;
}

static void call_free(Call *c) {
        if (c->previous)
                c->previous->next = c->next;
        else
                c->peer->calls = c->next;
        if (c->next)
                c->next->previous = c->previous;
        c->peer->pending--;
        sd_bus_slot_unref(c->slot);
        sd_bus_message_unref(c->message);
        sd_bus_message_unref(c->failure);
        free(c);
}

static void peer_hang_up(BusPeer *p) {
        p->bus = sd_bus_close_unref(p->bus);
}

BusPeer *bus_peer_free(BusPeer *p) {
        if (!p)
                return NULL;
        while (p->calls)
                call_free(p->calls);
        sd_event_source_disable_unref(p->idle);
        peer_hang_up(p);
        p->attached_fd = close_safe(p->attached_fd);
        sd_event_unref(p->event);
        free(p->daemon);
        free(p);
        return NULL;
}

int bus_peer_attach(BusPeer *p, int fd) {
        close_safe(p->attached_fd);
        p->attached_fd = fd;
        p->attached = true;
        return 0;
}

static int on_idle(sd_event_source *s, uint64_t usec, void *userdata) {
        BusPeer *p = userdata;

        if (p->signal && !p->bus)
                (void) peer_connect(p); /* a lost subscription is opened again */
        else if (p->pending == 0 && !p->signal && !p->attached)
                peer_hang_up(p);
        return 0;
}

static void arm_timer(BusPeer *p, uint64_t usec) {
        int r;

        if (p->idle) {
                r = sd_event_source_set_time_relative(p->idle, usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(p->idle, SD_EVENT_ONESHOT);
        } else
                r = sd_event_add_time_relative(p->event, &p->idle, CLOCK_MONOTONIC, usec, USEC_PER_SEC / 10, on_idle, p);
        if (r < 0)
                log_warning_errno(r, "Failed to arm the idle timer of the connection to %s: %m", p->daemon);
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        BusPeer *p = userdata;
        uint8_t type;

        if (p->signal && sd_bus_message_get_type(m, &type) >= 0 && type == SD_BUS_MESSAGE_SIGNAL &&
            !sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", NULL))
                p->signal(p, m, p->signal_userdata);
        return 0;
}

/* Ends a call with this answer, and tells the caller, who may free the peer. */
static void call_finish(Call *c, sd_bus_message *m, const sd_bus_error *error) {
        BusPeer *p = c->peer;
        bus_peer_reply_t callback = c->callback;
        void *callback_userdata = c->userdata;

        call_free(c);
        if (p->pending == 0)
                arm_timer(p, IDLE_USEC);
        callback(m, error, callback_userdata);
}

/* The same when the connection was lost. The name is sd-bus's, the words are for people. */
static void call_finish_lost(Call *c, sd_bus_message *m) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void) sd_bus_error_setf(&error, SD_BUS_ERROR_NO_REPLY,
                                 "lxd-%s ended before it answered; it is started again by the next request. See \"journalctl -u lxd-%s\" for the reason",
                                 c->peer->daemon, c->peer->daemon);
        call_finish(c, m, &error);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Call *c = userdata;

        /* sd-bus fails the calls of a lost connection one by one, and then says that it is lost. What the caller calls meanwhile would be
         * lost with it, a step's reverse for example: he is told afterwards. */
        if (sd_bus_is_open(sd_bus_message_get_bus(m)) == 0)
                c->failure = sd_bus_message_ref(m);
        else
                call_finish(c, m, sd_bus_message_get_error(m));
        return 0;
}

/* Ends a call that could not be sent, with the error sd-bus itself gives to those that were and get no answer. */
static void call_fail(Call *c, int r) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        (void) sd_bus_message_seal(c->message, 1, 0);
        if (sd_bus_message_new_method_errorf(c->message, &reply, SD_BUS_ERROR_NO_REPLY, "Not sent: %s", strerror(-r)) >= 0)
                r == -ENOTCONN ? call_finish_lost(c, reply) : call_finish(c, reply, sd_bus_message_get_error(reply));
}

/* The oldest call of this connection that was not sent yet, or has failed with it (the list begins with the newest). */
static Call *calls_next(BusPeer *p, sd_bus *bus) {
        Call *oldest = NULL;

        for (Call *c = p->calls; c; c = c->next)
                if ((c->message && sd_bus_message_get_bus(c->message) == bus) || (c->failure && sd_bus_message_get_bus(c->failure) == bus))
                        oldest = c;
        return oldest;
}

static int on_connected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        sd_bus *bus = sd_bus_message_get_bus(m);
        Call *c;

        while ((c = calls_next(userdata, bus))) {
                int r = sd_bus_call_async(bus, &c->slot, c->message, on_reply, c, UINT64_MAX);

                if (r < 0)
                        call_fail(c, r);
                else
                        c->message = sd_bus_message_unref(c->message);
        }
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        BusPeer *p = userdata;
        _cleanup_(sd_bus_close_unrefp) sd_bus *lost = TAKE_PTR(p->bus);
        Call *c;

        /* Those who are told now may call again, on the next connection. */
        while ((c = calls_next(p, lost))) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *failure = TAKE_PTR(c->failure);

                if (failure)
                        call_finish_lost(c, failure);
                else
                        call_fail(c, -ENOTCONN);
        }
        if (p->signal) {
                arm_timer(p, RECONNECT_USEC);
                p->signal(p, NULL, p->signal_userdata);
        }
        return 0;
}

/* The socket of a daemon; LXD_RUN_DIR= points tests elsewhere. */
static int peer_address(const char *daemon, char **ret) {
        return str_format(ret, "unix:path=%s/%s.bus", secure_getenv("LXD_RUN_DIR") ?: LXD_RUN_DIR, daemon);
}

static int peer_subscribe_call(BusPeer *p) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        /* Every daemon answers this on any path below its root; "/" is registered by operations_new(). */
        r = sd_bus_message_new_method_call(p->bus, &m, NULL, "/", LXD_BUS_PREFIX ".Operations1", "Subscribe");
        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(m, false);
        return r < 0 ? r : sd_bus_send(p->bus, m, NULL);
}

static int bus_configure(sd_bus *bus, const char *daemon, int fd) {
        _cleanup_free_ char *address = NULL;
        int r;

        if (fd >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        else {
                r = peer_address(daemon, &address);
                if (r >= 0)
                        r = sd_bus_set_address(bus, address);
        }
        if (r >= 0)
                r = sd_bus_set_trusted(bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_set_connected_signal(bus, true);
        return r < 0 ? r : sd_bus_start(bus);
}

static int peer_connect(BusPeer *p) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = bus_configure(bus, p->daemon, TAKE_FD(p->attached_fd));
        if (r < 0)
                return r;
        r = sd_bus_add_filter(bus, NULL, on_signal, p);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, p);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Connected", on_connected, p);
        if (r >= 0)
                r = sd_bus_attach_event(bus, p->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        p->bus = TAKE_PTR(bus);
        if (p->signal)
                return peer_subscribe_call(p);
        return 0;
}

int bus_peer_message(BusPeer *p, sd_bus_message **ret, const char *path, const char *interface, const char *member) {
        int r;

        if (!p->bus) {
                r = peer_connect(p);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_new_method_call(p->bus, ret, NULL, path, interface, member);
}

int bus_peer_call(BusPeer *p, sd_bus_message *m, bus_peer_reply_t callback, void *userdata) {
        Call *c;
        int r;

        c = calloc(1, sizeof(Call));
        if (!c)
                return -ENOMEM;
        *c = (Call) { .peer = p, .callback = callback, .userdata = userdata, .next = p->calls };
        if (p->calls)
                p->calls->previous = c;
        p->calls = c;
        p->pending++;
        /* On a connection that is still being made sd-bus would wait, blocking, before it sends a message with descriptors. */
        if (sd_bus_is_ready(sd_bus_message_get_bus(m)) == 0) {
                c->message = sd_bus_message_ref(m);
                return 0;
        }
        r = sd_bus_call_async(sd_bus_message_get_bus(m), &c->slot, m, on_reply, c, UINT64_MAX);
        if (r < 0)
                call_free(c);
        return r < 0 ? r : 0;
}

int bus_peer_subscribe(BusPeer *p, bus_peer_signal_t callback, void *userdata) {
        int r;

        p->signal = callback;
        p->signal_userdata = userdata;
        r = p->bus ? peer_subscribe_call(p) : peer_connect(p);
        if (r >= 0)
                return 0;
        arm_timer(p, RECONNECT_USEC);
        return r;
}

void bus_peer_unsubscribe(BusPeer *p) {
        p->signal = NULL;
        if (p->pending == 0)
                arm_timer(p, IDLE_USEC);
}

unsigned bus_peer_pending(BusPeer *p) {
        return p->pending;
}

int bus_open_private(const char *daemon, sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = bus_configure(bus, daemon, -EBADF);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, UINT64_MAX);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}
