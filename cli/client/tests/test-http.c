/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the parsers of HTTP responses and of multipart bodies. */

#include "test.h"

#include "http-parse.h"
#include "multipart.h"

static void assert_head(const char *text, int error) {
        HttpHead h = {};

        assert_int_equal(http_head_parse(text, strlen(text), &h), error);
        if (error < 0)
                assert_null(h.text);
        http_head_done(&h);
}

static void test_heads(void **state) {
        HttpHead h = {};
        const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nETag:\t abc \r\nX-Empty:\r\n\r\n";

        assert_int_equal(http_head_length(text, strlen(text)), strlen(text));
        assert_int_equal(http_head_length(text, strlen(text) - 1), 0);
        assert_int_equal(http_head_parse(text, strlen(text), &h), 0);
        assert_int_equal(h.status, 200);
        assert_true(h.keep_alive && h.has_length && !h.chunked);
        assert_int_equal(h.length, 12);
        assert_string_equal(http_head_get(&h, "etag"), "abc");
        assert_string_equal(http_head_get(&h, "X-Empty"), "");
        assert_null(http_head_get(&h, "Nope"));
        http_head_done(&h);

        assert_head("HTTP/1.1 200\r\n\r\n", 0);
        assert_head("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", 0);
        assert_head("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 0);
}

static void test_bad_heads(void **state) {
        _cleanup_buffer_ Buffer many = {};

        assert_head("", -EBADMSG);
        assert_head("HTTP/2 200 OK\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 20 OK\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 600 No\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 2000 OK\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\nNo colon\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\n: x\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\nA b: x\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\nA: x\r\n folded\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\nA: x\ny\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", -EBADMSG);
        assert_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", -EBADMSG);

        buffer_puts(&many, "HTTP/1.1 200 OK\r\n");
        for (unsigned i = 0; i <= HTTP_HEADERS_MAX; i++)
                buffer_printf(&many, "H%u: x\r\n", i);
        buffer_puts(&many, "\r\n");
        assert_head(many.data, -E2BIG);

        buffer_reserve(&many, HTTP_HEAD_MAX);
        memset(many.data, 'x', HTTP_HEAD_MAX);
        assert_int_equal(http_head_length(many.data, HTTP_HEAD_MAX), -E2BIG);
}

/* Feeds a body in pieces of 'step' bytes. Returns what http_body_feed() said last; the content goes to *out. */
static int feed(HttpBody *b, const char *text, size_t size, size_t step, Buffer *out, size_t *ret_used) {
        size_t done = 0;
        int r = 0;

        while (done < size && r == 0) {
                const char *data;
                size_t used, n;

                r = http_body_feed(b, text + done, MIN(step, size - done), &used, &data, &n);
                buffer_append(out, data, n);
                assert_true(used > 0 || r != 0);
                done += used;
        }
        *ret_used = done;
        return r;
}

static void assert_body(const HttpHead *head, const char *text, const char *content, int result, size_t used) {
        for (size_t step = 1; step <= strlen(text); step++) {
                _cleanup_buffer_ Buffer out = {};
                HttpBody b;
                size_t n;

                http_body_begin(&b, head, false);
                buffer_puts(&out, "");
                assert_int_equal(feed(&b, text, strlen(text), step, &out, &n), result);
                if (result >= 0) {
                        assert_string_equal(out.data, content);
                        assert_int_equal(n, used);
                }
        }
}

static void test_bodies(void **state) {
        const HttpHead fixed = { .status = 200, .has_length = true, .length = 5 };
        const HttpHead chunked = { .status = 200, .chunked = true }, until_end = { .status = 200 };
        const char *text = "5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\nNEXT";
        HttpBody b;

        assert_body(&fixed, "helloNEXT", "hello", 1, 5);
        assert_body(&fixed, "hel", "hel", 0, 3);
        assert_body(&chunked, text, "hello!", 1, strlen(text) - 4);
        assert_body(&chunked, "00000a\r\n0123456789\r\n0\r\n\r\n", "0123456789", 1, 25);
        assert_body(&until_end, "all of it", "all of it", 0, 9);

        http_body_begin(&b, &until_end, false);
        assert_int_equal(http_body_eof(&b), 0);
        http_body_begin(&b, &fixed, false);
        assert_int_equal(http_body_eof(&b), -ECONNRESET);
        http_body_begin(&b, &fixed, true);
        assert_int_equal(b.state, HTTP_BODY_DONE);
        http_body_begin(&b, &(HttpHead) { .status = 204 }, false);
        assert_int_equal(b.state, HTTP_BODY_DONE);
}

static void test_bad_chunks(void **state) {
        const HttpHead chunked = { .status = 200, .chunked = true };

        assert_body(&chunked, "x\r\n", NULL, -EBADMSG, 0);
        assert_body(&chunked, "\r\n", NULL, -EBADMSG, 0);
        assert_body(&chunked, ";x\r\n", NULL, -EBADMSG, 0);
        assert_body(&chunked, "1\n", NULL, -EBADMSG, 0);
        assert_body(&chunked, "1\r\nabc", NULL, -EBADMSG, 0);
        assert_body(&chunked, "1\r\na\n", NULL, -EBADMSG, 0);
        assert_body(&chunked, "11111111111111111\r\n", NULL, -EBADMSG, 0);
        assert_body(&chunked, "-1\r\n", NULL, -EBADMSG, 0);
}

/* Names and contents of parts, as one text. */
static int on_part(void *userdata, const char *filename) {
        buffer_printf(userdata, "[%s]", filename);
        return 0;
}

static int on_data(void *userdata, const void *data, size_t n) {
        buffer_append(userdata, data, n);
        return 0;
}

static void assert_multipart(const char *body, size_t size, const char *expected, int feed_result, int end_result) {
        for (size_t step = 1; step <= size; step += step < 8 ? 1 : 7) {
                _cleanup_(multipart_done) Multipart m = {};
                _cleanup_buffer_ Buffer out = {};
                int r;

                buffer_puts(&out, "");
                r = multipart_init(&m, "multipart/form-data; boundary=\"XYZ\"", &(MultipartHandler) { on_part, on_data, &out });
                assert_int_equal(r, 0);
                for (size_t i = 0; i < size && r >= 0; i += step)
                        r = multipart_feed(&m, body + i, MIN(step, size - i));
                assert_int_equal(r, feed_result);
                if (r < 0)
                        continue;
                assert_int_equal(multipart_end(&m), end_result);
                if (end_result >= 0)
                        assert_string_equal(out.data, expected);
        }
}

static void test_multipart(void **state) {
        static const char two[] = "--XYZ\r\nContent-Disposition: form-data; name=metadata; filename=meta-abc.tar.xz\r\n"
                                  "Content-Type: application/octet-stream\r\n\r\none\r\n--XY is not it\r\n--XYZ\r\n"
                                  "Content-Disposition: form-data;name=\"rootfs\"; filename=\"../../x y\"\r\n\r\n\r\n--XYZ--\r\n";
        static const char preamble[] = "ignored\r\n--XYZ\r\nA: b\r\n\r\nx\r\n--XYZ--epilogue";

        assert_multipart(two, strlen(two), "[meta-abc.tar.xz]one\r\n--XY is not it[x y]", 0, 0);
        assert_multipart(preamble, strlen(preamble), "[]x", 0, 0);
        assert_multipart("--XYZ\r\n\r\n\r\nx", 12, NULL, 0, -EBADMSG);
        assert_multipart("--XYZ##", 7, NULL, -EBADMSG, 0);
        assert_multipart("nothing", 7, NULL, 0, -EBADMSG);
}

static void test_multipart_refused(void **state) {
        const MultipartHandler handler = { on_part, on_data, NULL };
        Multipart m = {};

        assert_int_equal(multipart_init(&m, NULL, &handler), -EBADMSG);
        assert_int_equal(multipart_init(&m, "text/plain; boundary=x", &handler), -EBADMSG);
        assert_int_equal(multipart_init(&m, "multipart/form-data", &handler), -EBADMSG);
        assert_int_equal(multipart_init(&m, "multipart/form-data; boundary=", &handler), -EBADMSG);
}

static void assert_filename(const char *value, const char *expected) {
        char *name = disposition_filename(value);

        assert_string_equal(name, expected);
        free(name);
}

static void test_filenames(void **state) {
        assert_filename("inline;filename=abc.tar.gz", "abc.tar.gz");
        assert_filename("attachment; filename=\"a b\"; size=3", "a b");
        assert_filename("attachment; filename=/etc/passwd", "passwd");
        assert_filename("attachment; filename=..", "");
        assert_filename("attachment; filename=\"a\nb\"", "");
        assert_filename("attachment", "");
        assert_filename(NULL, "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_heads),
                cmocka_unit_test(test_bad_heads),
                cmocka_unit_test(test_bodies),
                cmocka_unit_test(test_bad_chunks),
                cmocka_unit_test(test_multipart),
                cmocka_unit_test(test_multipart_refused),
                cmocka_unit_test(test_filenames),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
