/* SPDX-License-Identifier: Apache-2.0 */
/* json-write: what it writes is what json-c reads, escapes and bad UTF-8 included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <json-c/json.h>

#include "base/file.h"
#include "json-write.h"

static void values(void **state) {
        JsonWriter w = {};
        _cleanup_free_ char *text = NULL;

        json_object_begin(&w, NULL);
        json_string(&w, "s", "a\"b\\c\n\x01\xff\xc3\xbc");
        json_int(&w, "i", -5);
        json_boolean(&w, "b", true);
        json_null(&w, "n");
        json_array_begin(&w, "l");
        json_uint(&w, NULL, 1);
        json_object_begin(&w, NULL);
        json_object_end(&w);
        json_string(&w, NULL, NULL);
        json_array_end(&w);
        json_time(&w, "t", 0);
        json_object_end(&w);
        assert_int_equal(json_finish_text(&w, &text), 0);
        assert_string_equal(text, "{\"s\":\"a\\\"b\\\\c\\n\\u0001\xef\xbf\xbd\xc3\xbc\",\"i\":-5,\"b\":true,\"n\":null,"
                                  "\"l\":[1,{},null],\"t\":\"0001-01-01T00:00:00Z\"}");
}

static void document(void **state) {
        JsonWriter w = {};
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        json_object *o, *metadata;

        json_document_begin(&w);
        json_array_begin(&w, NULL);
        for (int i = 0; i < 5000; i++)
                json_stringf(&w, NULL, "/1.0/instances/c%d", i);
        json_array_end(&w);
        fd = json_document_finish(&w);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "x", 1), -1); /* sealed */
        assert_int_equal(fd_read_all(fd, 1 << 20, &text, NULL), 0);
        o = json_tokener_parse(text);
        assert_non_null(o);
        assert_true(json_object_object_get_ex(o, "metadata", &metadata));
        assert_int_equal(json_object_array_length(metadata), 5000);
        json_object_put(o);
}

static void etag(void **state) {
        JsonWriter a = {}, b = {};
        _cleanup_free_ char *x = NULL, *y = NULL;

        json_string(&a, NULL, "1");
        json_string(&b, NULL, "2");
        assert_int_equal(json_etag(&a, &x), 0);
        assert_int_equal(json_etag(&b, &y), 0);
        assert_string_not_equal(x, y);
        json_done(&a);
        json_done(&b);

        /* The published values of FNV-1a. */
        free(x);
        assert_int_equal(json_etag(&a, &x), 0);
        assert_int_equal(strlen(x), 64);
        assert_memory_equal(x, "6c62272e07bb014262b821756295c58d", 32);
        free(x);
        b = (JsonWriter) { .data = (char *) "foobar", .size = 6 };
        assert_int_equal(json_etag(&b, &x), 0);
        assert_memory_equal(x, "343e1662793c64bf6f0d3597ba446f18", 32);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(values), cmocka_unit_test(document), cmocka_unit_test(etag) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
