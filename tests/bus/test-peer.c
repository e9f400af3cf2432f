/* SPDX-License-Identifier: Apache-2.0 */
/* BusPeer: answers, errors, signals to subscribers, and the death of the other side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "bus-error.h"
#include "bus-peer.h"
#include "fixture.h"
#include "life-event.h"

#define ROOT "/org/lxd/test1"

static const DaemonSpec spec = { .name = "test", .root = ROOT, .owner = OPERATION_OWNER_IMAGED };

typedef struct Seen {
        unsigned answers, errors, signals, losses;
        char name[128], message[256];
} Seen;

static void on_reply(sd_bus_message *m, const sd_bus_error *error, void *userdata) {
        Seen *s = userdata;

        s->answers++;
        if (error) {
                s->errors++;
                (void) snprintf(s->name, sizeof(s->name), "%s", error->name);
                (void) snprintf(s->message, sizeof(s->message), "%s", error->message);
        }
}

static void on_signal(BusPeer *p, sd_bus_message *m, void *userdata) {
        Seen *s = userdata;

        if (!m)
                s->losses++;
        else if (sd_bus_message_is_signal(m, "org.lxd.Operations1", "Lifecycle"))
                s->signals++;
}

static void call_then(BusPeer *p, const char *member, bus_peer_reply_t callback, void *userdata) {
        sd_bus_message *m = NULL;

        assert_true(bus_peer_message(p, &m, ROOT, "org.lxd.Operations1", member) >= 0);
        assert_true(sd_bus_message_append(m, "t", (uint64_t) 0) >= 0);
        assert_int_equal(bus_peer_call(p, m, callback, userdata), 0);
        sd_bus_message_unref(m);
}

static void call(BusPeer *p, Seen *s, const char *member) {
        call_then(p, member, on_reply, s);
}

static void run_until(sd_event *event, const unsigned *counter, unsigned wanted) {
        while (*counter < wanted)
                assert_true(sd_event_run(event, 5 * USEC_PER_SEC) > 0);
}

static void attach_peer(Fixture *f, BusPeer *p) {
        int pair[2];

        assert_true(fixture_open(f, &spec) >= 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(bus_server_add_connection(f->server, pair[0]), 0);
        assert_int_equal(bus_peer_attach(p, pair[1]), 0);
}

static void open_peer(Fixture *f, BusPeer **ret) {
        assert_true(sd_event_new(&f->event) >= 0);
        assert_int_equal(bus_peer_new(f->event, "test", ret), 0);
        attach_peer(f, *ret);
}

static void answers(void **state) {
        Fixture f = {};
        BusPeer *p;
        Seen s = {};

        open_peer(&f, &p);
        call(p, &s, "List");
        assert_int_equal(bus_peer_pending(p), 1);
        run_until(f.event, &s.answers, 1);
        assert_int_equal(s.errors, 0);
        call(p, &s, "NoSuchMethod");
        run_until(f.event, &s.answers, 2);
        assert_int_equal(s.errors, 1);
        bus_peer_free(p);
        fixture_close(&f);
}

static void signals(void **state) {
        Fixture f = {};
        BusPeer *p;
        Seen s = {};

        open_peer(&f, &p);
        assert_int_equal(bus_peer_subscribe(p, on_signal, &s), 0);
        call(p, &s, "List"); /* calls are served in order: the subscription is in force once this is answered */
        run_until(f.event, &s.answers, 1);
        assert_int_equal(lifecycle_emit(f.operations, "instance-created", "/1.0/instances/c1", NULL, NULL,
                                        &(const LogFields) { .project = "default", .instance = "c1" }), 0);
        run_until(f.event, &s.signals, 1);
        bus_peer_free(p);
        fixture_close(&f);
}

/* One field of a message's header: code, type, text. Fields begin at multiples of eight. */
static void put_field(unsigned char *data, size_t *n, unsigned char code, char type, const char *text) {
        uint32_t length = (uint32_t) strlen(text);
        const unsigned char head[4] = { code, 1, (unsigned char) type, 0 };

        *n = (*n + 7) & ~7ul;
        memcpy(data + *n, head, 4);
        memcpy(data + *n + 4, &length, 4);
        memcpy(data + *n + 8, text, length + 1);
        *n += 8 + length + 1;
}

static size_t put_ping(unsigned char *data) {
        const unsigned char head[16] = { 'l', 1, 0, 1, [8] = 1 };
        uint32_t fields;
        size_t n = 16;

        memcpy(data, head, 16);
        put_field(data, &n, 1, 'o', "/");
        put_field(data, &n, 2, 's', "org.freedesktop.DBus.Peer");
        put_field(data, &n, 3, 's', "Ping");
        fields = (uint32_t) (n - 16);
        memcpy(data + 12, &fields, 4);
        return (n + 7) & ~7ul;
}

/* Other D-Bus libraries send their first calls right behind the handshake, in the same packet. */
static void call_behind_handshake(void **state) {
        unsigned char data[512] = {}, reply[1024];
        size_t n = 0, calls = 0;
        Fixture f = {};
        char uid[16];
        int pair[2];

        assert_true(fixture_open(&f, &spec) >= 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        (void) snprintf(uid, sizeof(uid), "%u", getuid());
        n = 1 + (size_t) sprintf((char *) data + 1, "AUTH EXTERNAL ");
        for (const char *p = uid; *p; p++)
                n += (size_t) sprintf((char *) data + n, "%02x", *p);
        n += (size_t) sprintf((char *) data + n, "\r\nBEGIN\r\n");
        memset(data + n, 0, sizeof(data) - n);
        n += put_ping(data + n);
        assert_true(n < 256);
        assert_int_equal(write(pair[1], data, n), n);
        assert_int_equal(bus_server_add_connection(f.server, pair[0]), 0);
        for (unsigned i = 0; i < 100 && calls == 0; i++) {
                ssize_t k = recv(pair[1], reply, sizeof(reply), 0);

                /* the last bytes are the answer's: a method return without a body */
                calls = k > 8 && memmem(reply, (size_t) k, "l\2\1\1", 4);
                assert_true(sd_event_run(f.event, 20000) >= 0);
        }
        assert_int_equal(calls, 1);
        (void) close(pair[1]);
        fixture_close(&f);
}

/* The other side dies with a call pending: it is answered once, with an error, and the subscriber hears of the loss. */
static void death(void **state) {
        Fixture f = {};
        BusPeer *p;
        Seen s = {};

        open_peer(&f, &p);
        assert_int_equal(bus_peer_subscribe(p, on_signal, &s), 0);
        call(p, &s, "List");
        f.server = bus_server_free(f.server);
        run_until(f.event, &s.answers, 1);
        assert_int_equal(s.errors, 1);
        assert_int_equal(bus_error_http_status(s.name), 503);
        assert_non_null(strstr(s.message, "lxd-test ended before it answered"));
        run_until(f.event, &s.losses, 1);
        bus_peer_free(p);
        fixture_close(&f);
}

typedef struct Again {
        BusPeer *peer;
        Seen first, second;
} Again;

static void on_first_reply(sd_bus_message *m, const sd_bus_error *error, void *userdata) {
        Again *a = userdata;

        on_reply(m, error, &a->first);
        call(a->peer, &a->second, "List");
}

/* Who hears that his call was lost, and calls again at once (to take back what he began), reaches the next process, also while others are
 * still to hear of their loss. */
static void call_again_after_death(void **state) {
        Fixture f = {}, next = {};
        Again a = {};

        open_peer(&f, &a.peer);
        call(a.peer, &a.second, "List");
        run_until(f.event, &a.second.answers, 1);
        for (unsigned i = 0; i < 3; i++)
                call_then(a.peer, "List", on_first_reply, &a);
        next.event = sd_event_ref(f.event);
        attach_peer(&next, a.peer);
        f.server = bus_server_free(f.server);
        run_until(f.event, &a.second.answers, 4);
        assert_int_equal(a.first.answers, 3);
        assert_int_equal(a.first.errors, 3);
        assert_int_equal(a.second.errors, 0);
        assert_int_equal(bus_peer_pending(a.peer), 0);
        bus_peer_free(a.peer);
        fixture_close(&next);
        fixture_close(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(answers), cmocka_unit_test(signals), cmocka_unit_test(death), cmocka_unit_test(call_again_after_death),
                                              cmocka_unit_test(call_behind_handshake) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
