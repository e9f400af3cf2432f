/* SPDX-License-Identifier: Apache-2.0 */
/* JSON bodies: what is taken, what is refused, and how that is said. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json-args.h"

static void assert_refused(const char *text, size_t n, const char *message) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_object *o = NULL;

        assert_int_equal(json_body_parse(text, n, &o, &error), -EINVAL);
        assert_null(o);
        assert_true(sd_bus_error_is_set(&error));
        if (message)
                assert_string_equal(error.message, message);
}

static json_object *parse(const char *text) {
        json_object *o = NULL;

        assert_int_equal(json_body_parse(text, strlen(text), &o, NULL), 0);
        return o;
}

static void test_refused(void **state) {
        static const char *const bad[] = { "x", "{", "{\"a\":}", "{\"a\":1,}", "{} x", "{}{}", "{\"a\":\"\\u0000\"}",
                                           "{\"a\":\"\xff\"}", "{\"a\":[\"b\\u0000c\"]}", "{\"a\\u0000b\":1}", "{\"a\\\\\\u0000b\":1}" };
        _cleanup_free_ char *deep = calloc(1, 400);

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_refused(bad[i], strlen(bad[i]), NULL);
        assert_refused("{}\0", 3, NULL);
        assert_refused("", 0, "EOF");
        assert_refused("[]", 2, "json: cannot unmarshal array into an object");
        assert_refused("5", 1, "json: cannot unmarshal number into an object");
        assert_refused("true", 4, "json: cannot unmarshal bool into an object");
        assert_refused("{}", JSON_BODY_MAX + 1, "The body is larger than 4 MiB");

        for (size_t i = 0; i < 60; i++)
                strcat(deep, "{\"a\":");
        assert_refused(deep, strlen(deep), NULL);
}

static void test_escapes(void **state) {
        const char *s = NULL;
        _cleanup_json_ json_object *o = parse("{\"s\": \"\\\\u0000\\u0001\"}"); /* a backslash, and what only looks like NUL */

        assert_int_equal(json_arg_text(o, "s", &s, NULL), 1);
        assert_string_equal(s, "\\u0000\x01");
}

static void test_null(void **state) {
        _cleanup_json_ json_object *o = NULL;

        assert_int_equal(json_body_parse("null", 4, &o, NULL), 0);
        assert_false(json_arg_is_given(o, "config"));
}

static void test_readers(void **state) {
        _cleanup_json_ json_object *o = parse(" {\"s\":\"x\",\"b\":true,\"i\":-7,\"n\":null,\"t\":\"2026-11-21T21:07:48.5Z\"} \n");
        const char *s = NULL;
        bool b = false;
        int64_t i = 0;
        uint64_t t = 0;

        assert_int_equal(json_arg_text(o, "s", &s, NULL), 1);
        assert_string_equal(s, "x");
        assert_int_equal(json_arg_text(o, "missing", &s, NULL), 0);
        assert_int_equal(json_arg_text(o, "n", &s, NULL), 0);
        assert_string_equal(s, "x");
        assert_int_equal(json_arg_bool(o, "b", &b, NULL), 1);
        assert_true(b);
        assert_int_equal(json_arg_int(o, "i", -10, 10, &i, NULL), 1);
        assert_int_equal(i, -7);
        assert_int_equal(json_arg_int(o, "i", 0, 10, &i, NULL), -EINVAL);
        assert_int_equal(json_arg_time(o, "t", &t, NULL), 1);
        assert_int_equal(t % USEC_PER_SEC, 500000);
        assert_int_equal(json_arg_time(o, "s", &t, NULL), -EINVAL);
}

static void test_wrong_types(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_json_ json_object *o = parse("{\"name\":5,\"config\":{\"a\":1},\"list\":[1],\"devices\":{\"d\":\"x\"}}");
        _cleanup_(config_done) Config c = {};
        _cleanup_(devices_done) Devices d = {};
        _cleanup_strv_free_ Strv v = NULL;
        const char *s = NULL;
        bool b;

        assert_int_equal(json_arg_text(o, "name", &s, &error), -EINVAL);
        assert_string_equal(error.message, "json: cannot unmarshal number into field name of type string");
        sd_bus_error_free(&error);
        assert_int_equal(json_arg_config(o, "config", &c, &error), -EINVAL);
        assert_string_equal(error.message, "json: cannot unmarshal number into field config.a of type string");
        assert_int_equal(c.n, 0);
        assert_int_equal(json_arg_strv(o, "list", &v, NULL), -EINVAL);
        assert_null(v);
        assert_int_equal(json_arg_devices(o, "devices", &d, NULL), -EINVAL);
        assert_int_equal(d.n, 0);
        assert_int_equal(json_arg_bool(o, "name", &b, NULL), -EINVAL);
        assert_int_equal(json_arg_config(o, "list", &c, NULL), -EINVAL);
}

static void test_containers(void **state) {
        _cleanup_json_ json_object *o = parse("{\"config\":{\"b\":\"2\",\"a\":\"1\",\"e\":null},\"devices\":{\"eth0\":{\"type\":\"nic\"}},"
                                              "\"profiles\":[\"p\",\"q\"],\"metadata\":[{\"uuid\":\"u1\"},{\"uuid\":\"u2\",\"x\":\"a/b\"}]}");
        _cleanup_(config_done) Config c = {};
        _cleanup_(devices_done) Devices d = {};
        _cleanup_strv_free_ Strv v = NULL;
        _cleanup_free_ char *item = NULL;

        assert_int_equal(json_arg_config(o, "config", &c, NULL), 1);
        assert_int_equal(c.n, 3);
        assert_string_equal(config_get(&c, "a"), "1");
        assert_string_equal(config_get(&c, "e"), "");
        assert_int_equal(json_arg_devices(o, "devices", &d, NULL), 1);
        assert_string_equal(config_get(devices_get(&d, "eth0"), "type"), "nic");
        assert_int_equal(json_arg_strv(o, "profiles", &v, NULL), 1);
        assert_int_equal(strv_length(v), 2);

        assert_int_equal(json_pick(o, "metadata", "uuid", "u2", &item), 0);
        assert_string_equal(item, "{\"uuid\":\"u2\",\"x\":\"a/b\"}");
        assert_int_equal(json_pick(o, "metadata", "uuid", "u3", &item), -ENOENT);
        assert_int_equal(json_pick(o, "config", "uuid", "u3", &item), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_escapes), cmocka_unit_test(test_null),
                cmocka_unit_test(test_readers),
                cmocka_unit_test(test_wrong_types),
                cmocka_unit_test(test_containers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
