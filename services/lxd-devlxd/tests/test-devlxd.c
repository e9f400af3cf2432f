/* SPDX-License-Identifier: Apache-2.0 */
/* The guest API as a guest sees it: bytes over a socket, with lxd-instanced played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "answer.h"
#include "events.h"
#include "played.h"

typedef struct Context {
        sd_event *event;
        Manager *manager;
} Context;

static int setup(void **state) {
        Context *c = calloc(1, sizeof(Context));

        assert_true(sd_event_new(&c->event) >= 0);
        config_done(&played_config);
        assert_int_equal(config_set(&played_config, "user.foo", "bar"), 0);
        assert_int_equal(config_set(&played_config, "user.meta-data", "x: y"), 0);
        assert_int_equal(config_set(&played_config, "cloud-init.user-data", "abc"), 0);
        assert_int_equal(config_set(&played_config, "environment.X", "1"), 0);
        assert_int_equal(config_set(&played_config, "volatile.eth0.hwaddr", "00:16:3e:01:02:03"), 0);
        assert_int_equal(played_open(c->event, &c->manager), 0);
        *state = c;
        return 0;
}

static int teardown(void **state) {
        Context *c = *state;

        played_close(c->manager);
        sd_event_unref(c->event);
        free(c);
        return 0;
}

static int connect_guest(Context *c) {
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(http_add_connection(c->manager->http, pair[1]), 0);
        return pair[0];
}

/* Sends bytes and reads until `until` has come or the connection ended. */
static char *talk(Context *c, int fd, const char *bytes, const char *until) {
        char *text = calloc(1, 65536);
        size_t n = 0;

        assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
        for (;;) {
                ssize_t k = recv(fd, text + n, 65535 - n, MSG_DONTWAIT);

                if (k == 0)
                        return text;
                if (k > 0) {
                        n += (size_t) k;
                        if (until && strstr(text, until))
                                return text;
                        continue;
                }
                assert_true(sd_event_run(c->event, 20000) >= 0);
        }
}

static char *get(Context *c, const char *path) {
        _cleanup_free_ char *bytes = NULL;
        _cleanup_close_ int fd = connect_guest(c);

        assert_int_equal(str_format(&bytes, "GET %s HTTP/1.1\r\nHost: lxd\r\nConnection: close\r\n\r\n", path), 0);
        return talk(c, fd, bytes, NULL);
}

static void expect(Context *c, const char *path, const char *status, const char *type, const char *body) {
        _cleanup_free_ char *text = get(c, path), *head = NULL;
        const char *got = strstr(text, "\r\n\r\n");

        assert_int_equal(str_format(&head, "HTTP/1.1 %s\r\n", status), 0);
        if (!startswith(text, head) || !strstr(text, type))
                fail_msg("%s: %s", path, text);
        assert_non_null(got);
        assert_string_equal(got + 4, body);
}

#define RAW "Content-Type: application/octet-stream\r\n"
#define JSON "Content-Type: application/json\r\n"
#define PLAIN "Content-Type: text/plain; charset=utf-8\r\n"

static void test_answers(void **state) {
        Context *c = *state;

        expect(c, "/", "200 OK", JSON, "[\"/1.0\"]\n");
        expect(c, "/1.0", "200 OK", JSON,
               "{\"state\":\"Started\",\"api_version\":\"1.0\",\"instance_type\":\"container\",\"location\":\"none\"}\n");
        expect(c, "/1.0/config", "200 OK", JSON,
               "[\"/1.0/config/cloud-init.user-data\",\"/1.0/config/user.foo\",\"/1.0/config/user.meta-data\"]\n");
        expect(c, "/1.0/config/user.foo", "200 OK", RAW, "bar");
        expect(c, "/1.0/config/user.foo?x=y", "200 OK", RAW, "bar");
        expect(c, "/1.0/config/user.nope", "404 Not Found", PLAIN, "not found\n");
        expect(c, "/1.0/config/environment.X", "403 Forbidden", PLAIN, "not authorized\n");
        expect(c, "/1.0/config/volatile.eth0.hwaddr", "403 Forbidden", PLAIN, "not authorized\n");
        expect(c, "/1.0/config/../config/environment.X", "404 Not Found", PLAIN, "404 page not found\n");
        expect(c, "/1.0/meta-data", "200 OK", RAW,
               "#cloud-config\ninstance-id: 084564c9-d474-4aff-a6cd-ed269d5dd8df\nlocal-hostname: c1\nx: y");
        expect(c, "/1.0/devices", "200 OK", JSON, "{\"eth0\":{\"hwaddr\":\"00:16:3e:01:02:03\",\"type\":\"nic\"}}\n");
        expect(c, "/foo", "404 Not Found", PLAIN, "404 page not found\n");
        expect(c, "/1.0/", "404 Not Found", PLAIN, "404 page not found\n");
        expect(c, "/1.0/images/abc/export", "403 Forbidden", PLAIN, "not authorized\n");
}

static void test_images(void **state) {
        _cleanup_free_ char *one = NULL, *two = NULL;
        Context *c = *state;

        expect(c, "/1.0/images/one/export", "403 Forbidden", PLAIN, "not authorized\n");
        assert_int_equal(config_set(&played_config, "security.devlxd.images", "true"), 0);
        one = get(c, "/1.0/images/one/export");
        assert_non_null(strstr(one, "200 OK"));
        assert_non_null(strstr(one, "Content-Disposition: inline;filename=one.tar.xz"));
        assert_string_equal(strstr(one, "\r\n\r\n"), "\r\n\r\nmetadata");
        two = get(c, "/1.0/images/two/export");
        assert_non_null(strstr(two, "Content-Type: multipart/form-data; boundary="));
        assert_non_null(strstr(two, "name=\"metadata\"; filename=\"meta-two.tar.xz\"\r\nContent-Type: application/octet-stream\r\n\r\nmetadata\r\n--"));
        assert_non_null(strstr(two, "name=\"rootfs\"; filename=\"two.squashfs\"\r\nContent-Type: application/octet-stream\r\n\r\nsquash\r\n--"));
        expect(c, "/1.0/images/other/export", "404 Not Found", PLAIN, "not found\n");
        expect(c, "/1.0/images/broken/export", "503 Service Unavailable", PLAIN, "the image service is not available, try again\n");
        expect(c, "/1.0/images//export", "404 Not Found", PLAIN, "404 page not found\n");
        expect(c, "/1.0/images/a/b/export", "404 Not Found", PLAIN, "404 page not found\n");
}

static void test_identity(void **state) {
        Context *c = *state;

        played_caller.uid = 1001000;
        expect(c, "/1.0", "401 Unauthorized", PLAIN, "Access denied for non-root user\n");
        played_caller.uid = 1000000;
        played_identify_error = -ENOENT;
        expect(c, "/1.0", "500 Internal Server Error", PLAIN, "pid not in container?\n");
        played_identify_error = 0;
        played_caller.guest = 8; /* a unit without a record */
        expect(c, "/1.0", "500 Internal Server Error", PLAIN, "pid not in container?\n");
        played_caller.guest = 7;
        assert_int_equal(config_set(&played_config, "security.devlxd", "false"), 0);
        expect(c, "/1.0", "403 Forbidden", PLAIN, "not authorized\n");
}

static void test_several_requests(void **state) {
        static const char one[] = "GET /1.0/config/user.foo HTTP/1.1\r\nHost: x\r\n\r\n";
        Context *c = *state;
        _cleanup_close_ int fd = connect_guest(c);

        for (unsigned i = 0; i < 3; i++) {
                _cleanup_free_ char *text = talk(c, fd, one, "bar");

                assert_non_null(strstr(text, "200 OK"));
        }
}

static void test_wrong_requests(void **state) {
        static const char *const bytes[] = {
                "\r\n\r\n\r\n",
                "GET\r\n\r\n",
                "GET /1.0 HTTP/9.9\r\n\r\n",
                "\x16\x03\x01\x02\r\n\r\n",
                "GET /1.0 HTTP/1.1\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
                "POST /1.0/config HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
        };
        Context *c = *state;

        for (size_t i = 0; i < ELEMENTSOF(bytes); i++) {
                _cleanup_close_ int fd = connect_guest(c);

                assert_true(send(fd, bytes[i], strlen(bytes[i]), MSG_NOSIGNAL) > 0);
                assert_int_equal(shutdown(fd, SHUT_WR), 0);
                for (unsigned k = 0; k < 20; k++)
                        assert_true(sd_event_run(c->event, 1000) >= 0);
        }
        expect(c, "/1.0/config/user.foo", "200 OK", RAW, "bar");
}

/* One guest cannot take the socket from the others. */
static void test_connection_limit(void **state) {
        static const char one[] = "GET /1.0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        int fds[HTTP_CONNECTIONS_HELD], pair[2];
        Context *c = *state;

        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                if (i == HTTP_CONNECTIONS_PER_GUEST)
                        expect(c, "/1.0", "429 Too Many Requests", PLAIN, "too many connections from this instance\n");
                fds[i] = connect_guest(c);
        }
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(http_add_connection(c->manager->http, pair[1]), -EBUSY);
        (void) close(pair[0]);
        played_caller.guest = 8;
        expect(c, "/1.0", "500 Internal Server Error", PLAIN, "pid not in container?\n"); /* another one is heard */
        for (size_t i = 0; i < ELEMENTSOF(fds); i++) {
                if (i == 0)
                        free(talk(c, fds[i], one, NULL));
                (void) close(fds[i]);
        }
}

static int fill_changed(sd_bus_message *m, void *userdata) {
        return sd_bus_message_append(m, "ta{ss}a{ss}", *(uint64_t *) userdata, 2, "user.a", "1", "limits.cpu", "1", 2, "user.a", "2",
                                     "limits.cpu", "2");
}

static void test_events(void **state) {
        static const char hello[] = "GET /1.0/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        _cleanup_free_ char *text = NULL, *message = NULL;
        Context *c = *state;
        _cleanup_close_ int fd = connect_guest(c);
        uint64_t other = 8, self = 7;

        text = talk(c, fd, hello, "\r\n\r\n");
        assert_non_null(startswith(text, "HTTP/1.1 101"));
        assert_non_null(strstr(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        for (unsigned i = 0; i < 20; i++)
                assert_true(sd_event_run(c->event, 1000) >= 0);
        assert_true(bus_server_emit(played_server, "/org/lxd/instance1", "org.lxd.instance1.Guest", "GuestConfigChanged", fill_changed,
                                    &other) >= 0);
        assert_true(bus_server_emit(played_server, "/org/lxd/instance1", "org.lxd.instance1.Guest", "GuestConfigChanged", fill_changed,
                                    &self) >= 0);
        message = talk(c, fd, "", "}}");
        assert_non_null(strstr(message, "\"metadata\":{\"key\":\"user.a\",\"old_value\":\"1\",\"value\":\"2\"}"));
        assert_null(strstr(message, "limits.cpu"));
}

static void test_parse_unit(void **state) {
        static const struct {
                const char *slice, *unit;
                int r;
        } t[] = {
                { "lxd.slice", "lxd-container@12.service", 0 },
                { "lxd.slice", "lxd-vm@12.service", 0 },
                { "system.slice", "lxd-container@12.service", -ENOENT },
                { "user-1000.slice", "user@1000.service", -ENOENT },
                { "lxd.slice", "lxd-container@.service", -ENOENT },
                { "lxd.slice", "lxd-container@-1.service", -ENOENT },
                { "lxd.slice", "lxd-container@12x.service", -ENOENT },
                { "lxd.slice", "lxd-container@99999999999999999999.service", -ENOENT },
                { "lxd.slice", "lxd-container@12.scope", -ENOENT },
                { "lxd.slice", "lxd-container@12", -ENOENT },
                { "lxd.slice", "xlxd-container@12.service", -ENOENT },
        };

        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                uint64_t id = 0;

                assert_int_equal(caller_parse_unit(t[i].slice, t[i].unit, &id), t[i].r);
                assert_int_equal(id, t[i].r == 0 ? 12 : 0);
        }
}

static void test_parse_uid_map(void **state) {
        uid_t uid = 1;

        assert_int_equal(caller_parse_uid_map("         0    1000000      65536\n", &uid), 0);
        assert_int_equal(uid, 1000000);
        assert_int_equal(caller_parse_uid_map("1 7 1\n0 0 4294967295\n", &uid), 0);
        assert_int_equal(uid, 0);
        assert_int_equal(caller_parse_uid_map("1 7 1\n", &uid), -ENOENT);
        assert_int_equal(caller_parse_uid_map("", &uid), -ENOENT);
        assert_int_equal(caller_parse_uid_map("rubbish\n0\n0 x\n", &uid), -ENOENT);
}

/* The kernel's word about ourselves: we are no guest. */
static void test_identify_ourselves(void **state) {
        int pair[2];
        Caller caller;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(caller_identify(pair[0], &caller), -ENOENT);
        (void) close(pair[0]);
        (void) close(pair[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_answers),
                TEST(test_images),
                TEST(test_identity),
                TEST(test_several_requests),
                TEST(test_wrong_requests),
                TEST(test_connection_limit),
                TEST(test_events),
                cmocka_unit_test(test_parse_unit),
                cmocka_unit_test(test_parse_uid_map),
                cmocka_unit_test(test_identify_ourselves),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
