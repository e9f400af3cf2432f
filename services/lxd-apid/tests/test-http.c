/* SPDX-License-Identifier: Apache-2.0 */
/* What comes over the wire: bodies in pieces, bodies that are cut, connections that stay, and input nobody should send. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "http.h"
#include "json-args.h"
#include "rest-fixture.h"
#include "server-info.h"

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

static void get(RestFixture *f, const char *target, unsigned status, const char *part) {
        _cleanup_(answer_done) Answer a = {};

        assert_int_equal(rest_request(f, "GET", target, "", NULL, 0, &a), 0);
        assert_int_equal(a.status, status);
        if (part)
                assert_non_null(strstr(a.body, part));
}

static void test_keep_alive(void **state) {
        static const char two[] = "GET / HTTP/1.1\r\nHost: lxd\r\n\r\nGET /1.0/profiles/p HTTP/1.1\r\nHost: lxd\r\n\r\n";
        RestFixture *f = *state;

        assert_int_equal(rest_connect(f), 0);
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(answer_done) Answer a = {}, b = {};

                assert_int_equal(rest_send(f, two, sizeof(two) - 1), 0);
                assert_int_equal(rest_receive(f, false, &a), 0);
                assert_int_equal(rest_receive(f, false, &b), 0);
                assert_non_null(strstr(a.body, "\"/1.0\""));
                assert_non_null(strstr(b.body, "a document"));
                assert_null(strstr(b.head, "Connection: close"));
        }
        assert_int_equal(http_connections(f->manager->http), 1);
}

static void test_server_is_kept(void **state) {
        RestFixture *f = *state;

        get(f, "/1.0", 200, "\"config\":{\"user.x\":\"y\"}");
        assert_non_null(strstr(f->calls, "GetConfig"));
        rest_clear(f);
        get(f, "/1.0", 200, "\"server_name\":\"testhost\"");
        get(f, "/1.0", 200, "\"storage\":\"btrfs\",\"storage_version\":\"6.2\"");
        assert_null(f->calls);
        get(f, "/1.0?project=other", 200, "\"project\":\"other\"");
        assert_non_null(f->calls);

        /* A change of the configuration is seen by the next request. */
        rest_clear(f);
        assert_int_equal(rest_emit_lifecycle(f, OPERATION_OWNER_CLUSTERD, "default", "config-updated", "/1.0"), 0);
        rest_settle(f);
        get(f, "/1.0", 200, "user.x");
        assert_non_null(strstr(f->calls, "GetConfig"));
}

static void test_upload(void **state) {
        _cleanup_(answer_done) Answer a = {}, b = {}, c = {};
        RestFixture *f = *state;

        assert_int_equal(rest_request(f, "POST", "/1.0/instances/c1/files?path=/x", "X-LXD-uid: 0\r\nX-LXD-mode: 0600\r\n", "hello", 5, &a), 0);
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(f->calls, "Files.Put(\"/x\", \"file\", 0, -1, 384, \"overwrite\", fd, (\"root\", \"unix\", \"@\"), 0)"));
        rest_settle(f);
        assert_string_equal(f->body, "hello(eof)");

        assert_int_equal(rest_request(f, "POST", "/1.0/instances/c1/files?path=/d", "X-LXD-type: directory\r\n", NULL, 0, &b), 0);
        assert_int_equal(b.status, 200);
        rest_settle(f);
        assert_string_equal(f->body, "(eof)");

        rest_clear(f);
        assert_int_equal(rest_request(f, "POST", "/1.0/images",
                                      "Content-Type: application/octet-stream\r\nX-LXD-public: 1\r\nX-LXD-filename: x.tar\r\n"
                                      "X-LXD-properties: os=Debian&release=a%20b\r\nX-LXD-aliases: alias=deb\r\n",
                                      "{\"not\":\"json\"", 13, &c),
                         0);
        assert_int_equal(c.status, 202);
        assert_non_null(strstr(f->calls, "ImportImage(\"default\", fd, \"application/octet-stream\", \"x.tar\", \"\", 13, true, false, "
                                         "[ \"os\", \"Debian\",  \"release\", \"a b\"], [(\"deb\", \"\")], [], 0, "));
        rest_settle(f);
        assert_string_equal(f->body, "{\"not\":\"json\"(eof)");
}

/* Without a content type the first character decides, as clients of LXD send images without one. */
static void test_upload_or_json(void **state) {
        _cleanup_(answer_done) Answer a = {}, b = {}, c = {};
        RestFixture *f = *state;

        assert_int_equal(rest_request(f, "POST", "/1.0/images", "", "hsqs....", 8, &a), 0);
        assert_int_equal(a.status, 202);
        rest_settle(f);
        assert_string_equal(f->body, "hsqs....(eof)");
        assert_int_equal(rest_request(f, "POST", "/1.0/images", "", " {\"source\":{}}", 14, &b), 0);
        assert_int_equal(b.status, 400);
        assert_int_equal(rest_request(f, "POST", "/1.0/instances", "Content-Type: application/octet-stream\r\n", "x", 1, &c), 0);
        assert_int_equal(c.status, 501);
}

static void test_upload_chunked(void **state) {
        static const char head[] = "POST /1.0/instances/c1/files?path=/x HTTP/1.1\r\nHost: lxd\r\nTransfer-Encoding: chunked\r\n\r\n",
                          body[] = "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
        _cleanup_(answer_done) Answer a = {};
        RestFixture *f = *state;

        assert_int_equal(rest_connect(f), 0);
        assert_int_equal(rest_send(f, head, sizeof(head) - 1), 0);
        for (size_t i = 0; i < sizeof(body) - 1; i++) {
                assert_int_equal(rest_send(f, body + i, 1), 0);
                rest_settle(f);
        }
        assert_int_equal(rest_receive(f, false, &a), 0);
        assert_int_equal(a.status, 200);
        rest_settle(f);
        assert_string_equal(f->body, "abcdefg(eof)");
}

/* A client that is lost in the middle must not look like one that was done. */
static void test_upload_cut(void **state) {
        static const char head[] = "POST /1.0/instances/c1/files?path=/x HTTP/1.1\r\nHost: lxd\r\nContent-Length: 100\r\n\r\nhalf";
        RestFixture *f = *state;

        assert_int_equal(rest_connect(f), 0);
        assert_int_equal(rest_send(f, head, sizeof(head) - 1), 0);
        rest_settle(f);
        assert_string_equal(f->body, "half");
        f->client = close_safe(f->client);
        rest_settle(f);
        assert_string_equal(f->body, "half(reset)");
        assert_int_equal(http_connections(f->manager->http), 0);
}

static void test_upload_large(void **state) {
        enum { SIZE = 8 << 20 };
        _cleanup_free_ char *data = malloc(SIZE + 1);
        _cleanup_(answer_done) Answer a = {};
        RestFixture *f = *state;

        for (size_t i = 0; i < SIZE; i++)
                data[i] = (char) ('a' + i % 19);
        data[SIZE] = '\0';
        assert_int_equal(rest_request(f, "POST", "/1.0/instances/c1/files?path=/x", "", data, SIZE, &a), 0);
        assert_int_equal(a.status, 200);
        rest_settle(f);
        assert_int_equal(strlen(f->body), SIZE + 5);
        assert_memory_equal(f->body, data, SIZE);
}

/* An owner that refuses early: the client gets its words, though the body was on its way. */
static void test_upload_refused(void **state) {
        _cleanup_(answer_done) Answer a = {}, b = {};
        _cleanup_free_ char *data = calloc(1, 1 << 20);
        RestFixture *f = *state;

        assert_int_equal(rest_request(f, "POST", "/1.0/instances/missing/files?path=/x", "", data, 1 << 20, &a), 0);
        assert_int_equal(a.status, 404);
        assert_int_equal(rest_request(f, "POST", "/1.0/instances/c1/files", "", data, 1 << 20, &b), 0);
        assert_int_equal(b.status, 400);
}

static void test_large_json(void **state) {
        static const char *const sizes[] = { "Content-Length: 104857600", "Transfer-Encoding: chunked" };
        _cleanup_free_ char *block = malloc(65536);
        RestFixture *f = *state;

        memset(block, ' ', 65536);
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_(answer_done) Answer a = {};
                char head[256];

                (void) snprintf(head, sizeof(head), "POST /1.0/profiles HTTP/1.1\r\nHost: lxd\r\n%s\r\n\r\n", sizes[i]);
                assert_int_equal(rest_connect(f), 0);
                assert_int_equal(rest_send(f, head, strlen(head)), 0);
                for (unsigned k = 0; k < 100; k++) {
                        if (i == 1)
                                (void) rest_send(f, "10000\r\n", 7);
                        if (rest_send(f, block, 65536) < 0)
                                break;
                        if (i == 1)
                                (void) rest_send(f, "\r\n", 2);
                }
                if (i == 1)
                        (void) rest_send(f, "0\r\n\r\n", 5);
                assert_int_equal(rest_receive(f, false, &a), 0);
                assert_int_equal(a.status, 413);
        }
}

/* None of this may be more than a refusal, and the next client is served. */
static void test_hostile(void **state) {
        static const char *const bad[] = {
                "\r\n\r\n\r\n",
                "GARBAGE\r\n\r\n",
                "GET\r\n\r\n",
                "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
                "GET / HTTP/1.1\r\n\r\n",
                "GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /1.0/instances/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "POST /1.0/profiles HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
                "POST /1.0/profiles HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
                "GET /1.0/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: x\r\n\r\n",
                "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        };
        _cleanup_free_ char *huge = malloc(300000);
        RestFixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(answer_done) Answer a = {};

                assert_int_equal(rest_connect(f), 0);
                assert_int_equal(rest_send(f, bad[i], strlen(bad[i])), 0);
                rest_settle(f);
                f->client = close_safe(f->client);
                rest_settle(f);
                get(f, "/", 200, NULL);
        }

        memset(huge, 'a', 300000);
        memcpy(huge, "GET /", 5);
        assert_int_equal(rest_connect(f), 0);
        (void) rest_send(f, huge, 300000);
        rest_settle(f);
        get(f, "/", 200, NULL);
        assert_int_equal(http_connections(f->manager->http), 1);
}

/* Large answers leave as fast as they are read. */
static void test_download_large(void **state) {
        _cleanup_(answer_done) Answer a = {};
        RestFixture *f = *state;

        assert_int_equal(rest_request(f, "GET", "/1.0/instances/c1/files?path=/large", "", NULL, 0, &a), 0);
        assert_int_equal(a.status, 200);
        assert_int_equal(a.body_size, FAKE_LARGE);
        for (size_t i = 0; i < a.body_size; i++)
                if (a.body[i] != 'L')
                        fail();
}

/* Those who leave while their answer is on its way. */
static void test_client_leaves(void **state) {
        static const char *const targets[] = { "/1.0/profiles/p", "/1.0/profiles/silent", "/1.0", "/1.0/operations" };
        RestFixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(targets); i++) {
                char text[256];

                (void) snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
                assert_int_equal(rest_connect(f), 0);
                assert_int_equal(rest_send(f, text, strlen(text)), 0);
                f->client = close_safe(f->client);
                rest_settle(f);
        }
        get(f, "/", 200, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_keep_alive, setup, teardown),
                cmocka_unit_test_setup_teardown(test_server_is_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_upload, setup, teardown),
                cmocka_unit_test_setup_teardown(test_upload_or_json, setup, teardown),
                cmocka_unit_test_setup_teardown(test_upload_chunked, setup, teardown),
                cmocka_unit_test_setup_teardown(test_upload_cut, setup, teardown),
                cmocka_unit_test_setup_teardown(test_upload_large, setup, teardown),
                cmocka_unit_test_setup_teardown(test_upload_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_download_large, setup, teardown),
                cmocka_unit_test_setup_teardown(test_large_json, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
                cmocka_unit_test_setup_teardown(test_client_leaves, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
