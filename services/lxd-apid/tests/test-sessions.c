/* SPDX-License-Identifier: Apache-2.0 */
/* Exec, console and events over websockets, with a guest that the test plays. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "events.h"
#include "http.h"
#include "json-args.h"
#include "operation-watch.h"
#include "rest-fixture.h"
#include "session.h"

enum { CONTROL = 3 };

typedef struct Exec {
        char id[37];
        char secret[4][65]; /* "0", "1", "2", "control" */
        int ws[4];
} Exec;

static int setup(void **state) {
        RestFixture *f = calloc(1, sizeof(*f));

        *state = f;
        return f ? rest_open(f) : -1;
}

static int teardown(void **state) {
        rest_close(*state);
        free(*state);
        return 0;
}

static void post(RestFixture *f, const char *target, const char *body, unsigned status, Answer *ret) {
        assert_int_equal(rest_request(f, "POST", target, "", body, strlen(body), ret), 0);
        assert_int_equal(ret->status, status);
}

static void get_operation(RestFixture *f, const char *id, const char *suffix, Answer *ret) {
        char target[128];

        (void) snprintf(target, sizeof(target), "/1.0/operations/%s%s", id, suffix);
        assert_int_equal(rest_request(f, "GET", target, "", NULL, 0, ret), 0);
}

/* The quoted value of the last "name" before `before` in text. */
static void find_secret(const char *body, const char *name, char secret[static 65]) {
        char pattern[32];
        const char *at;

        (void) snprintf(pattern, sizeof(pattern), "\"%s\":\"", name);
        at = strstr(body, "\"fds\":");
        at = at ? strstr(at, pattern) : NULL;
        secret[0] = '\0';
        if (at)
                (void) snprintf(secret, 65, "%.64s", at + strlen(pattern));
}

static int connect_channel(RestFixture *f, const Exec *e, unsigned channel) {
        char target[192];

        (void) snprintf(target, sizeof(target), "/1.0/operations/%s/websocket?secret=%s", e->id, e->secret[channel]);
        return rest_websocket(f, target);
}

static void start(RestFixture *f, const char *what, const char *body, Exec *e) {
        static const char *const names[] = { "0", "1", "2", "control" };
        _cleanup_(answer_done) Answer a = {};
        const char *at;

        *e = (Exec) { .ws = { -EBADF, -EBADF, -EBADF, -EBADF } };
        post(f, what, body, 202, &a);
        at = strstr(a.body, "/1.0/operations/");
        assert_non_null(at);
        (void) snprintf(e->id, sizeof(e->id), "%.36s", at + 16);
        assert_int_equal(operation_owner(e->id), OPERATION_OWNER_APID);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                find_secret(a.body, names[i], e->secret[i]);
}

static void start_connected(RestFixture *f, bool interactive, Exec *e) {
        start(f, "/1.0/instances/c1/exec",
              interactive ? "{\"command\":[\"sh\"],\"wait-for-websocket\":true,\"interactive\":true,\"width\":80,\"height\":24}" :
                            "{\"command\":[\"sh\"],\"wait-for-websocket\":true,\"environment\":{\"A\":\"b\"}}",
              e);
        for (unsigned i = 0; i < 4; i++)
                if (e->secret[i][0]) {
                        e->ws[i] = connect_channel(f, e, i);
                        assert_true(e->ws[i] >= 0);
                }
}

static void end(RestFixture *f, Exec *e) {
        for (unsigned i = 0; i < 4; i++)
                e->ws[i] = close_safe(e->ws[i]);
        rest_settle(f);
}

static void assert_frame(RestFixture *f, int ws, int opcode, const char *text) {
        _cleanup_free_ char *payload = NULL;

        assert_int_equal(rest_websocket_receive(f, ws, &payload, NULL), opcode);
        if (text)
                assert_string_equal(payload, text);
}

static void assert_result(RestFixture *f, const char *id, const char *wanted) {
        _cleanup_(answer_done) Answer a = {};

        get_operation(f, id, "/wait", &a);
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.body, wanted));
}

static void assert_running(RestFixture *f, const char *id) {
        _cleanup_(answer_done) Answer a = {};

        get_operation(f, id, "", &a);
        assert_non_null(strstr(a.body, "\"status\":\"Running\""));
}

static void assert_guest_reads(RestFixture *f, int fd, const char *text) {
        uint64_t until = now_monotonic() + 60 * USEC_PER_SEC;
        char buffer[256];
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer) - 1)) < 0 && errno == EAGAIN && now_monotonic() < until)
                (void) sd_event_run(f->event, 1000);
        assert_true(n >= 0);
        buffer[n] = '\0';
        assert_string_equal(buffer, text);
}

static void guest_says(RestFixture *f, const char *text) {
        int control = f->guest[f->n_guest - 1];

        assert_int_equal(send(control, text, strlen(text), MSG_NOSIGNAL), (ssize_t) strlen(text));
}

static void test_exec(void **state) {
        RestFixture *f = *state;
        Exec e;

        start_connected(f, false, &e);
        assert_non_null(strstr(f->calls, "Instance.Exec([\"sh\"], [ \"A\", \"b\"], \"\", 0, 0, 0, 0, (\"root\", \"unix\", \"@\"), 8)"));

        assert_guest_reads(f, f->guest[3], "start");
        assert_int_equal(rest_websocket_send(e.ws[0], 2, "input", 5), 0);
        assert_guest_reads(f, f->guest[0], "input");
        assert_int_equal(write(f->guest[1], "out", 3), 3);
        assert_int_equal(write(f->guest[2], "err", 3), 3);
        assert_frame(f, e.ws[1], 2, "out");
        assert_frame(f, e.ws[2], 2, "err");

        /* The end of the client's input is an empty text message. */
        assert_int_equal(rest_websocket_send(e.ws[0], 1, "", 0), 0);
        assert_guest_reads(f, f->guest[0], "");

        /* What the guest wrote before its end arrives before the barrier, and the barrier before the result. */
        assert_int_equal(write(f->guest[1], "last", 4), 4);
        guest_says(f, "exit 3");
        assert_frame(f, e.ws[1], 2, "last");
        assert_frame(f, e.ws[1], 1, "");
        assert_frame(f, e.ws[2], 1, "");
        assert_result(f, e.id, "\"return\":3");
        assert_frame(f, e.ws[1], 8, NULL);
        end(f, &e);
}

static void test_exec_control(void **state) {
        static const char resize[] = "{\"command\":\"window-resize\",\"args\":{\"width\":\"132\",\"height\":\"43\"}}",
                          kill[] = "{\"command\":\"signal\",\"signal\":15}";
        static const char *const nonsense[] = { "", "x", "{}", "{\"command\":5}", "{\"command\":\"signal\",\"signal\":999}",
                                                "{\"command\":\"window-resize\",\"args\":{\"width\":\"-1\",\"height\":\"9999999999\"}}" };
        RestFixture *f = *state;
        Exec e;

        start_connected(f, true, &e);
        assert_int_equal(f->n_guest, 2);
        assert_guest_reads(f, f->guest[1], "start");
        for (size_t i = 0; i < ELEMENTSOF(nonsense); i++)
                assert_int_equal(rest_websocket_send(e.ws[CONTROL], 1, nonsense[i], strlen(nonsense[i])), 0);
        assert_int_equal(rest_websocket_send(e.ws[CONTROL], 1, resize, sizeof(resize) - 1), 0);
        assert_guest_reads(f, f->guest[1], "resize 132 43");
        assert_int_equal(rest_websocket_send(e.ws[CONTROL], 1, kill, sizeof(kill) - 1), 0);
        assert_guest_reads(f, f->guest[1], "signal 15");

        assert_int_equal(write(f->guest[0], "$ ", 2), 2);
        assert_frame(f, e.ws[0], 2, "$ ");
        guest_says(f, "exit 143");
        assert_frame(f, e.ws[0], 1, "");
        assert_result(f, e.id, "\"return\":143");
        end(f, &e);
}

/* A command that was over before the client came must not lose a byte. */
static void test_exec_over_at_once(void **state) {
        RestFixture *f = *state;
        Exec e;

        start(f, "/1.0/instances/c1/exec", "{\"command\":[\"true\"],\"wait-for-websocket\":true}", &e);
        assert_int_equal(write(f->guest[1], "early", 5), 5);
        guest_says(f, "exit 0");
        for (size_t i = 0; i < f->n_guest; i++)
                f->guest[i] = close_safe(f->guest[i]);
        rest_settle(f);

        for (unsigned i = 0; i < 4; i++) {
                e.ws[i] = connect_channel(f, &e, i);
                assert_true(e.ws[i] >= 0);
        }
        assert_frame(f, e.ws[1], 2, "early");
        assert_frame(f, e.ws[1], 1, "");
        assert_frame(f, e.ws[2], 1, "");
        assert_result(f, e.id, "\"return\":0");
        end(f, &e);
}

/* A client that reads slowly gets everything; until then the guest waits, and nothing piles up here. */
static void test_exec_backpressure(void **state) {
        enum { TOTAL = 8 << 20 };
        RestFixture *f = *state;
        size_t written = 0, got = 0;
        char block[4096];
        Exec e;

        memset(block, 'x', sizeof(block));
        start_connected(f, false, &e);
        while (written < TOTAL) {
                ssize_t n = write(f->guest[1], block, sizeof(block));

                if (n > 0)
                        written += n;
                else if (sd_event_run(f->event, 0) == 0)
                        break;
        }
        assert_true(written < TOTAL); /* 256 KiB of queue, and what pipe and socket hold */

        while (written < TOTAL || got < TOTAL) {
                _cleanup_free_ char *payload = NULL;
                ssize_t n = written < TOTAL ? write(f->guest[1], block, sizeof(block)) : 0;
                size_t k;

                written += MAX(n, 0);
                if (written >= TOTAL && n > 0)
                        guest_says(f, "exit 0");
                if (written < TOTAL && (n > 0 || sd_event_run(f->event, 0) > 0))
                        continue;
                assert_int_equal(rest_websocket_receive(f, e.ws[1], &payload, &k), 2);
                got += k;
        }
        assert_int_equal(got, written);
        assert_frame(f, e.ws[1], 1, "");
        assert_result(f, e.id, "\"return\":0");
        end(f, &e);
}

/* A client that has said goodbye to its output reads no more of it: nobody waits for it to do so. */
static void test_exec_output_unwanted(void **state) {
        static const char normal[2] = { 1000 >> 8, 1000 & 0xff };
        RestFixture *f = *state;
        char block[4096];
        Exec e;

        memset(block, 'x', sizeof(block));
        start_connected(f, false, &e);
        while (write(f->guest[1], block, sizeof(block)) > 0 || sd_event_run(f->event, 0) > 0)
                ;
        assert_int_equal(rest_websocket_send(e.ws[1], 8, normal, sizeof(normal)), 0);
        guest_says(f, "exit 141");
        assert_result(f, e.id, "\"return\":141");
        end(f, &e);
}

/* The guest's side ends without having read all: what it said before counts. */
static void test_exec_exit_and_reset(void **state) {
        RestFixture *f = *state;
        int *control;
        Exec e;

        start_connected(f, false, &e);
        control = &f->guest[f->n_guest - 1]; /* "start" waits there */
        assert_true(poll(&(struct pollfd) { .fd = *control, .events = POLLIN }, 1, 0) > 0);
        guest_says(f, "exit 5");
        *control = close_safe(*control);
        assert_frame(f, e.ws[1], 1, "");
        assert_result(f, e.id, "\"return\":5");
        end(f, &e);
}

/* The other direction: a guest that does not read stops the client, not us. */
static void test_exec_input_backpressure(void **state) {
        enum { TOTAL = 1 << 20 };
        _cleanup_free_ char *input = malloc(TOTAL), *seen = malloc(TOTAL);
        RestFixture *f = *state;
        size_t got = 0;
        Exec e;

        for (size_t i = 0; i < TOTAL; i++)
                input[i] = (char) ('a' + i % 23);
        start_connected(f, false, &e);
        for (size_t sent = 0; sent < TOTAL; sent += 16384) {
                struct pollfd p = { .fd = e.ws[0], .events = POLLOUT };

                while (poll(&p, 1, 0) == 0 || !(p.revents & POLLOUT)) {
                        ssize_t n = read(f->guest[0], seen + got, TOTAL - got);

                        got += MAX(n, 0);
                        (void) sd_event_run(f->event, 1000);
                }
                assert_int_equal(rest_websocket_send(e.ws[0], 2, input + sent, 16384), 0);
                (void) sd_event_run(f->event, 0);
        }
        assert_int_equal(rest_websocket_send(e.ws[0], 1, "", 0), 0);
        for (ssize_t n = -1; n != 0; (void) sd_event_run(f->event, 1000)) {
                char more;

                n = got < TOTAL ? read(f->guest[0], seen + got, TOTAL - got) : read(f->guest[0], &more, 1);
                got += got < TOTAL ? MAX(n, 0) : 0;
        }
        assert_int_equal(got, TOTAL);
        assert_memory_equal(seen, input, TOTAL);
        guest_says(f, "exit 0");
        assert_result(f, e.id, "\"return\":0");
        end(f, &e);
}

static void test_exec_client_vanishes(void **state) {
        RestFixture *f = *state;
        Exec e;

        /* Non-interactive: killed. */
        start_connected(f, false, &e);
        end(f, &e);
        assert_guest_reads(f, f->guest[3], "start");
        assert_guest_reads(f, f->guest[3], "signal 9");
        guest_says(f, "exit 137");
        assert_result(f, e.id, "\"return\":137");

        /* Interactive: hung up. */
        start_connected(f, true, &e);
        end(f, &e);
        assert_guest_reads(f, f->guest[1], "start");
        assert_guest_reads(f, f->guest[1], "signal 1");
        assert_guest_reads(f, f->guest[0], "");
        guest_says(f, "exit 129");
        assert_result(f, e.id, "\"return\":129");

}

/* A client that never came, or not with all of its channels: the command was never told to start. */
static void test_exec_never_begins(void **state) {
        RestFixture *f = *state;
        Exec e;

        for (unsigned n = 0; n < 3; n++) {
                _cleanup_(answer_done) Answer a = {};

                start(f, "/1.0/instances/c1/exec", "{\"command\":[\"sleep\"],\"wait-for-websocket\":true}", &e);
                for (unsigned i = 0; i < n; i++)
                        e.ws[i] = connect_channel(f, &e, i);
                assert_guest_reads(f, f->guest[3], "");
                for (size_t i = 0; i < f->n_guest; i++)
                        f->guest[i] = close_safe(f->guest[i]);
                get_operation(f, e.id, "/wait", &a);
                assert_non_null(strstr(a.body, "\"err\":\"Timed out waiting for websockets to connect\""));
                assert_null(strstr(a.body, "\"return\""));
                end(f, &e);
        }
}

/* Cancelled before all channels are there. */
static void test_exec_cancelled_early(void **state) {
        _cleanup_(answer_done) Answer a = {};
        RestFixture *f = *state;
        char target[128];
        Exec e;

        start(f, "/1.0/instances/c1/exec", "{\"command\":[\"sleep\"],\"wait-for-websocket\":true}", &e);
        (void) snprintf(target, sizeof(target), "/1.0/operations/%s", e.id);
        assert_int_equal(rest_request(f, "DELETE", target, "", NULL, 0, &a), 0);
        assert_int_equal(a.status, 200);
        assert_guest_reads(f, f->guest[3], "");
        assert_result(f, e.id, "\"err\":\"The client left before the command began\"");
}

static void test_exec_cannot_run(void **state) {
        static const struct {
                const char *says, *wanted, *status;
        } cases[] = {
                { "exit 127", "\"err\":\"Command not found\"", "\"return\":127" },
                { "exit 126", "\"err\":\"Command not executable\"", "\"return\":126" },
                { "exit 125", "\"err\":\"\"", "\"return\":125" },
        };
        RestFixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Exec e;

                start_connected(f, false, &e);
                guest_says(f, cases[i].says);
                assert_frame(f, e.ws[1], 1, "");
                assert_frame(f, e.ws[2], 1, "");
                assert_result(f, e.id, cases[i].wanted);
                assert_result(f, e.id, cases[i].status);
                end(f, &e);
        }
}

/* A stock client ends when the operation fails, whatever it has not read: the failure waits until it has hung up. */
static void test_exec_cannot_run_after_output(void **state) {
        RestFixture *f = *state;
        Exec e;

        start_connected(f, false, &e);
        assert_int_equal(write(f->guest[1], "out", 3), 3);
        guest_says(f, "exit 126");
        assert_frame(f, e.ws[1], 2, "out");
        assert_frame(f, e.ws[1], 1, "");
        assert_frame(f, e.ws[2], 1, "");
        assert_running(f, e.id);
        e.ws[1] = close_safe(e.ws[1]);
        rest_settle(f);
        assert_running(f, e.id);
        e.ws[2] = close_safe(e.ws[2]);
        rest_settle(f);
        assert_result(f, e.id, "\"err\":\"Command not executable\"");
        end(f, &e);
}

static void test_exec_fails(void **state) {
        RestFixture *f = *state;
        Exec e;

        start_connected(f, false, &e);
        guest_says(f, "error Failed to enter the guest: it is gone");
        assert_frame(f, e.ws[1], 1, "");
        assert_frame(f, e.ws[2], 1, "");
        assert_result(f, e.id, "\"err\":\"Failed to enter the guest: it is gone\"");
        end(f, &e);

        /* The guest's side dies without a word. */
        start_connected(f, false, &e);
        for (size_t i = 0; i < f->n_guest; i++)
                f->guest[i] = close_safe(f->guest[i]);
        assert_frame(f, e.ws[1], 1, "");
        assert_result(f, e.id, "\"status\":\"Failure\"");
        end(f, &e);
}

static void test_exec_without_client(void **state) {
        RestFixture *f = *state;
        Exec e;
        _cleanup_(answer_done) Answer a = {};

        start(f, "/1.0/instances/c1/exec", "{\"command\":[\"ls\"],\"record-output\":true,\"metadata\":{\"fds\":{}}}", &e);
        assert_int_equal(f->n_guest, 1);
        get_operation(f, e.id, "", &a);
        assert_non_null(strstr(a.body, "\"class\":\"task\""));
        assert_non_null(strstr(a.body, "\"metadata\":null"));
        guest_says(f, "exit 0");
        assert_result(f, e.id, "\"output\":{\"1\":\"/1.0/instances/c1/logs/exec_1.stdout\",\"2\":\"/1.0/instances/c1/logs/exec_1.stderr\"},\"return\":0");
}

static void test_secrets(void **state) {
        _cleanup_(answer_done) Answer a = {}, b = {};
        RestFixture *f = *state;
        char right[65];
        Exec e;

        start(f, "/1.0/instances/c1/exec", "{\"command\":[\"sh\"],\"wait-for-websocket\":true}", &e);
        memcpy(right, e.secret[1], sizeof(right));
        e.secret[1][0] = '\0';
        assert_int_equal(connect_channel(f, &e, 1), -400);
        memset(e.secret[1], '0', 64);
        assert_int_equal(connect_channel(f, &e, 1), -403);
        memcpy(e.secret[1], right, sizeof(right));

        /* The list is for everybody, and has none of them. */
        assert_int_equal(rest_request(f, "GET", "/1.0/operations?recursion=1", "", NULL, 0, &a), 0);
        assert_non_null(strstr(a.body, e.id));
        assert_null(strstr(a.body, right));

        /* Each is good for one connection. */
        e.ws[1] = connect_channel(f, &e, 1);
        assert_true(e.ws[1] >= 0);
        assert_int_equal(connect_channel(f, &e, 1), -403);
        get_operation(f, e.id, "", &b);
        assert_null(strstr(b.body, right));
        end(f, &e);
        guest_says(f, "exit 0");
}

static void test_console(void **state) {
        RestFixture *f = *state;
        Exec e;

        start(f, "/1.0/instances/c1/console", "{\"width\":80,\"height\":24}", &e);
        assert_non_null(strstr(f->calls, "Instance.Console(80, 24,"));
        e.ws[0] = connect_channel(f, &e, 0);
        e.ws[CONTROL] = connect_channel(f, &e, CONTROL);
        assert_true(e.ws[0] >= 0 && e.ws[CONTROL] >= 0);
        assert_int_equal(write(f->guest[0], "login: ", 7), 7);
        assert_frame(f, e.ws[0], 2, "login: ");
        assert_int_equal(rest_websocket_send(e.ws[0], 2, "root\n", 5), 0);
        assert_guest_reads(f, f->guest[0], "root\n");
        end(f, &e);
        assert_result(f, e.id, "\"status\":\"Success\"");
        assert_guest_reads(f, f->guest[0], "");
}

static void test_cancel(void **state) {
        _cleanup_(answer_done) Answer a = {}, b = {};
        RestFixture *f = *state;
        char target[128];
        Exec e;

        start_connected(f, false, &e);
        (void) snprintf(target, sizeof(target), "/1.0/operations/%s", e.id);
        assert_int_equal(rest_request(f, "DELETE", target, "", NULL, 0, &a), 0);
        assert_int_equal(a.status, 200);
        assert_guest_reads(f, f->guest[3], "start");
        assert_guest_reads(f, f->guest[3], "signal 9");
        guest_says(f, "exit 137");
        assert_result(f, e.id, "\"return\":137");
        assert_int_equal(rest_request(f, "DELETE", target, "", NULL, 0, &b), 0);
        assert_int_equal(b.status, 400);
        end(f, &e);
}

static void test_events(void **state) {
        _cleanup_free_ char *text = NULL, *second = NULL;
        RestFixture *f = *state;
        int all, one, life;

        all = rest_websocket(f, "/1.0/events?all-projects=true&type=operation,lifecycle");
        one = rest_websocket(f, "/1.0/events?type=lifecycle&project=other");
        life = rest_websocket(f, "/1.0/events?type=lifecycle");
        assert_true(all >= 0 && one >= 0 && life >= 0);
        assert_int_equal(events_count(f->manager->events), 3);
        assert_int_equal(rest_websocket(f, "/1.0/events?type=bogus"), -400);
        assert_int_equal(rest_websocket(f, "/1.0/events?project=missing"), -404);
        rest_settle(f);
        assert_int_equal(f->owners[OPERATION_OWNER_INSTANCED].subscriptions, 1);

        assert_int_equal(rest_emit_lifecycle(f, OPERATION_OWNER_INSTANCED, "default", "instance-started", "/1.0/instances/c1"), 0);
        assert_int_equal(rest_websocket_receive(f, life, &text, NULL), 1);
        assert_non_null(strstr(text, "\"metadata\":{\"action\":\"instance-started\",\"source\":\"/1.0/instances/c1\",\"context\":{\"key\":\"value\"},"
                                     "\"requestor\":{\"username\":\"root\",\"protocol\":\"unix\",\"address\":\"@\"}},"
                                     "\"location\":\"none\",\"project\":\"default\"}"));
        assert_int_equal(rest_websocket_receive(f, all, &second, NULL), 1);
        assert_string_equal(text, second);

        /* nobody did it: not the daemon that tells of it either; and a list */
        text = (free(text), NULL);
        assert_true(sd_bus_emit_signal(f->owners[OPERATION_OWNER_INSTANCED].bus, "/org/lxd/instance1", LXD_BUS_PREFIX ".Operations1", "Lifecycle",
                                       "sssa{ss}(sss)", "default", "instance-exec", "/1.0/instances/c1", 14, "a.b", "x", "command.0", "w0",
                                       "command.1", "w1", "command.10", "w10", "command.11", "w11", "command.2", "w2", "command.3", "w3",
                                       "command.4", "w4", "command.5", "w5", "command.6", "w6", "command.7", "w7", "command.8", "w8",
                                       "command.9", "w9", "plain", "y", "", "", "") >= 0);
        assert_int_equal(rest_websocket_receive(f, life, &text, NULL), 1);
        assert_non_null(strstr(text, "\"context\":{\"a.b\":\"x\",\"command\":[\"w0\",\"w1\",\"w2\",\"w3\",\"w4\",\"w5\",\"w6\",\"w7\",\"w8\",\"w9\","
                                     "\"w10\",\"w11\"],\"plain\":\"y\"}},\"location\""));
        assert_frame(f, all, 1, NULL);

        text = (free(text), NULL);
        assert_int_equal(rest_emit_operation(f, OPERATION_OWNER_IMAGED, 7, OPERATION_SUCCESS), 0);
        assert_int_equal(rest_websocket_receive(f, all, &text, NULL), 1);
        assert_non_null(strstr(text, "\"type\":\"operation\""));
        assert_non_null(strstr(text, "00000000-0000-4000-8000-000000000073"));
        assert_non_null(strstr(text, "\"status\":\"Success\",\"status_code\":200"));

        assert_int_equal(rest_emit_lifecycle(f, OPERATION_OWNER_NETD, "other", "network-created", "/1.0/networks/x"), 0);
        assert_frame(f, one, 1, NULL);
        assert_frame(f, all, 1, NULL);

        close_safe(all);
        close_safe(one);
        close_safe(life);
        f->client = close_safe(f->client);
        rest_settle(f);
        assert_int_equal(events_count(f->manager->events), 0);
        assert_int_equal(http_connections(f->manager->http), 0);
}

/* Our own operations are events, too; without their secrets. */
static void test_session_events(void **state) {
        _cleanup_free_ char *text = NULL, *last = NULL;
        RestFixture *f = *state;
        Exec e;
        int ws;

        ws = rest_websocket(f, "/1.0/events?type=operation");
        start_connected(f, false, &e);
        assert_int_equal(rest_websocket_receive(f, ws, &text, NULL), 1);
        assert_non_null(strstr(text, e.id));
        assert_non_null(strstr(text, "\"command\":[\"sh\"]"));
        assert_null(strstr(text, e.secret[0]));
        assert_null(strstr(text, "fds"));
        guest_says(f, "exit 0");
        assert_int_equal(rest_websocket_receive(f, ws, &last, NULL), 1);
        assert_non_null(strstr(last, "\"return\":0"));
        end(f, &e);
        close_safe(ws);
}

/* One who does not read is dropped; the others have lost nothing. */
static void test_slow_listener(void **state) {
        RestFixture *f = *state;
        unsigned sent = 0;
        int slow, good;

        slow = rest_websocket(f, "/1.0/events?type=lifecycle");
        good = rest_websocket(f, "/1.0/events?type=lifecycle");
        rest_settle(f);
        while (events_count(f->manager->events) == 2) {
                assert_int_equal(rest_emit_lifecycle(f, OPERATION_OWNER_INSTANCED, "default", "instance-started", "/1.0/instances/c1"), 0);
                assert_frame(f, good, 1, NULL);
                assert_true(++sent < 100000);
        }
        assert_int_equal(rest_emit_lifecycle(f, OPERATION_OWNER_INSTANCED, "default", "instance-started", "/1.0/instances/c1"), 0);
        assert_frame(f, good, 1, NULL);
        close_safe(slow);
        close_safe(good);
}

static void test_wait(void **state) {
        _cleanup_(answer_done) Answer a = {}, b = {};
        RestFixture *f = *state;
        char id[37], target[128];

        (void) snprintf(target, sizeof(target), "GET /1.0/operations/%s/wait HTTP/1.1\r\nHost: lxd\r\n\r\n",
                        rest_operation_id(OPERATION_OWNER_INSTANCED, 0, id));
        assert_int_equal(rest_connect(f), 0);
        assert_int_equal(rest_send(f, target, strlen(target)), 0);
        rest_settle(f);
        assert_int_equal(rest_emit_operation(f, OPERATION_OWNER_INSTANCED, 0, OPERATION_RUNNING), 0);
        rest_settle(f);
        assert_int_equal(rest_emit_operation(f, OPERATION_OWNER_INSTANCED, 0, OPERATION_FAILURE), 0);
        assert_int_equal(rest_receive(f, false, &a), 0);
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.body, "\"err\":\"It did not work\""));

        /* PATCH of an instance is an operation that we wait for. */
        f->operation_status = OPERATION_FAILURE;
        assert_int_equal(rest_request(f, "PATCH", "/1.0/instances/c1", "", "{\"description\":\"x\"}", 19, &b), 0);
        assert_int_equal(b.status, 500);
        assert_non_null(strstr(b.body, "It did not work"));
}

/* Somebody who waits and leaves is forgotten at once. */
static void test_wait_abandoned(void **state) {
        RestFixture *f = *state;
        char id[37], target[128];

        (void) snprintf(target, sizeof(target), "GET /1.0/operations/%s/wait HTTP/1.1\r\nHost: lxd\r\n\r\n",
                        rest_operation_id(OPERATION_OWNER_INSTANCED, 0, id));
        assert_int_equal(rest_connect(f), 0);
        assert_int_equal(rest_send(f, target, strlen(target)), 0);
        rest_settle(f);
        assert_false(watches_is_empty(f->manager->watches));
        f->client = close_safe(f->client);
        rest_settle(f);
        assert_true(watches_is_empty(f->manager->watches));
        assert_int_equal(http_connections(f->manager->http), 0);
}

static void test_owner_dies(void **state) {
        _cleanup_(answer_done) Answer a = {};
        RestFixture *f = *state;

        assert_int_equal(rest_request(f, "GET", "/1.0/profiles/crash", "", NULL, 0, &a), 0);
        assert_int_equal(a.status, 503);
        assert_non_null(strstr(a.body, "lxd-instanced ended before it answered"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_exec, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_control, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_over_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_backpressure, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_output_unwanted, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_exit_and_reset, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_input_backpressure, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_client_vanishes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_never_begins, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_cancelled_early, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_cannot_run, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_cannot_run_after_output, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_fails, setup, teardown),
                cmocka_unit_test_setup_teardown(test_exec_without_client, setup, teardown),
                cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
                cmocka_unit_test_setup_teardown(test_console, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
                cmocka_unit_test_setup_teardown(test_events, setup, teardown),
                cmocka_unit_test_setup_teardown(test_session_events, setup, teardown),
                cmocka_unit_test_setup_teardown(test_slow_listener, setup, teardown),
                cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
                cmocka_unit_test_setup_teardown(test_wait_abandoned, setup, teardown),
                cmocka_unit_test_setup_teardown(test_owner_dies, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
