/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of shared/yaml-*: types of scalars, what is refused and with which text, limits, quoting, order. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "yaml-json.h"
#include "yaml-scalar.h"

static struct json_object *parse(const char *text) {
        struct json_object *o = NULL;
        char *message = NULL;

        int r = yaml_parse(text, strlen(text), &o, &message);
        if (r < 0)
                fail_msg("%s: %s", text, message ?: strerror(-r));
        return o;
}

static void assert_json(const char *yaml, const char *json) {
        struct json_object *o = parse(yaml);

        assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), json);
        json_object_put(o);
}

static void assert_refused(const char *yaml, int error, const char *message) {
        struct json_object *o = (struct json_object*) 0x1;
        char *text = NULL;

        assert_int_equal(yaml_parse(yaml, strlen(yaml), &o, &text), error);
        assert_ptr_equal(o, (struct json_object*) 0x1);
        assert_non_null(text);
        assert_string_equal(text, message);
        free(text);
}

static void assert_dump(const char *json, YamlDumpFlags flags, const char *yaml) {
        struct json_object *o = json_tokener_parse(json), *back = NULL;
        char *text = NULL;

        assert_int_equal(yaml_dump(o, flags, &text, NULL), 0);
        assert_string_equal(text, yaml);
        assert_int_equal(yaml_parse(text, strlen(text), &back, NULL), 0);
        if (flags == 0)
                assert_true(json_object_equal(o, back));
        json_object_put(o);
        json_object_put(back);
        free(text);
}

static void test_types(void **state) {
        assert_json("a: 1\nb: -0x10\nc: 017\nd: 0b101\ne: 1_000\n", "{\"a\":1,\"b\":-16,\"c\":15,\"d\":5,\"e\":1000}");
        assert_json("[18446744073709551615, 9223372036854775807, -9223372036854775808]",
                    "[18446744073709551615,9223372036854775807,-9223372036854775808]");
        assert_json("[yes, No, true, FALSE, off, y]", "[true,false,true,false,false,true]");
        assert_json("[~, null, \"null\", '']", "[null,null,\"null\",\"\"]");
        assert_json("[1.5, .5, 1e3, 1.]", "[1.5,0.5,1000.0,1.0]");
        assert_json("[08, 1:30, 2020-01-01, 10.0.0.1, 1.2.3, +, 0x, 1__]",
                    "[8.0,\"1:30\",\"2020-01-01\",\"10.0.0.1\",\"1.2.3\",\"+\",\"0x\",1]");
        assert_json("[!!str 1, \"1\", '1']", "[\"1\",\"1\",\"1\"]");
        assert_json("", "null");
        assert_json("--- hello", "\"hello\"");
        assert_json("a: |\n  x\n  y\nb: >\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\\n\"}");
}

static void test_refused(void **state) {
        assert_refused("a: &x 1\nb: *x\n", -EBADMSG, "yaml: line 1: anchors and aliases are not allowed (\"&x\")");
        assert_refused("a: 1\nb: *x\n", -EBADMSG, "yaml: line 2: anchors and aliases are not allowed (\"*x\")");
        assert_refused("a: &x [1]\n", -EBADMSG, "yaml: line 1: anchors and aliases are not allowed (\"&x\")");
        assert_refused("&k a: 1\n", -EBADMSG, "yaml: line 1: anchors and aliases are not allowed (\"&k\")");
        assert_refused("a: 1\nb: 2\na: 3\n", -EBADMSG, "yaml: line 3: key \"a\" already set in map");
        assert_refused("[a]: 1\n", -EBADMSG, "yaml: line 1: a key must be a plain word or a string");
        assert_refused("<<: {a: 1}\n", -EBADMSG, "yaml: line 1: merge keys (\"<<\") are not allowed");
        assert_refused("--- 1\n--- 2\n", -EBADMSG, "yaml: line 2: more than one document");
        assert_refused("a: \"x\\0y\"\n", -EBADMSG, "yaml: line 1: NUL byte in a value");
        assert_refused("\"x\\0y\": 1\n", -EBADMSG, "yaml: line 1: NUL byte in a key");
        assert_refused("a: b: c\n", -EBADMSG, "yaml: line 1: mapping values are not allowed in this context");
        assert_refused("a: [1\n", -EBADMSG, "yaml: line 2: did not find expected ',' or ']'");
        assert_refused("a: \"\xff\"\n", -EBADMSG, "yaml: line 1: invalid leading UTF-8 octet");
}

static void test_limits(void **state) {
        struct json_object *o = NULL;
        char deep[2 * YAML_DEPTH_MAX + 3] = "", *message = NULL, *big;

        memset(deep, '[', YAML_DEPTH_MAX);
        memset(deep + YAML_DEPTH_MAX, ']', YAML_DEPTH_MAX);
        assert_int_equal(yaml_parse(deep, strlen(deep), &o, NULL), 0);
        json_object_put(o);

        memset(deep, '[', YAML_DEPTH_MAX + 1);
        memset(deep + YAML_DEPTH_MAX + 1, ']', YAML_DEPTH_MAX + 1);
        assert_refused(deep, -E2BIG, "yaml: line 1: nested more than 64 levels deep");

        big = calloc(1, YAML_SIZE_MAX + 1);
        memset(big, ' ', YAML_SIZE_MAX + 1);
        assert_int_equal(yaml_parse(big, YAML_SIZE_MAX + 1, &o, &message), -E2BIG);
        assert_string_equal(message, "yaml: line 1: 16777217 bytes are more than the allowed 16777216");
        free(message);

        big[0] = '[';
        for (size_t i = 1; i < 2 * (YAML_NODES_MAX + 1); i += 2)
                memcpy(big + i, "1,", 2);
        assert_int_equal(yaml_parse(big, YAML_SIZE_MAX, &o, &message), -E2BIG);
        assert_string_equal(message, "yaml: line 1: more than 1048576 values");
        free(message);
        free(big);
}

static void test_source_text(void **state) {
        struct json_object *o = parse("config: {a: 0x10, b: yes, c: 1.10, d: ~, e: {f: 1_0}, g: [1, on]}\nn: 3\n");
        struct json_object *config;

        assert_true(json_object_object_get_ex(o, "config", &config));
        assert_int_equal(yaml_stringify(&config), 0);
        assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
                            "{\"config\":{\"a\":\"0x10\",\"b\":\"yes\",\"c\":\"1.10\",\"d\":\"\","
                            "\"e\":{\"f\":\"1_0\"},\"g\":[\"1\",\"on\"]},\"n\":3}");
        assert_null(yaml_text(config));
        json_object_put(o);
}

static void test_dump(void **state) {
        assert_dump("[0.5,-0.0]", 0, "- 0.5\n- -0.0\n");
        assert_dump("{\"b\":\"x\",\"a\":[1,\"two\",null,true],\"c\":{},\"d\":[],\"e\":\"\"}", 0,
                    "b: x\na:\n- 1\n- two\n- null\n- true\nc: {}\nd: []\ne: \"\"\n");
        assert_dump("[\"true\",\"yes\",\"1\",\"0x1f\",\"1.5\",\"null\",\"~\",\"2020-01-01\",\"22:30\",\"10.0.0.1:80\","
                    "\"fd42::1\",\"00:16:3e:00:00:01\"]", 0,
                    "- \"true\"\n- \"yes\"\n- \"1\"\n- \"0x1f\"\n- \"1.5\"\n- \"null\"\n- \"~\"\n- \"2020-01-01\"\n"
                    "- \"22:30\"\n- 10.0.0.1:80\n- fd42::1\n- 00:16:3e:00:00:01\n");
        assert_dump("[\"a: b\",\"#x\",\"- y\",\"it's\",\" lead\",\"@x\"]", 0,
                    "- 'a: b'\n- '#x'\n- '- y'\n- it's\n- ' lead'\n- '@x'\n");
        assert_dump("{\"a\":\"x\\ny\\n\",\"b\":\"x\\ny\"}", 0, "a: |\n  x\n  y\nb: |-\n  x\n  y\n");
        assert_dump("{\"created_at\":\"2020-01-01T00:00:00Z\",\"other\":\"2020-01-01T00:00:00Z\"}", 0,
                    "created_at: 2020-01-01T00:00:00Z\nother: \"2020-01-01T00:00:00Z\"\n");
        assert_dump("{\"eth10\":{\"b\":1,\"a\":2},\"eth2\":0}", YAML_DUMP_SORT, "eth2: 0\neth10:\n  a: 2\n  b: 1\n");
        assert_dump("[1.5,18446744073709551615,-3]", 0, "- 1.5\n- 18446744073709551615\n- -3\n");
        assert_dump("{\"d\":\"\u00fc\u20ac\"}", 0, "d: ü€\n");
}

static void test_dump_errors(void **state) {
        struct json_object *o = json_object_new_string("\xff");
        char *text = NULL;

        assert_int_equal(yaml_dump(o, 0, &text, NULL), -EINVAL);
        assert_null(text);
        json_object_put(o);

        o = NULL;
        for (unsigned i = 0; i <= YAML_DEPTH_MAX; i++) {
                struct json_object *outer = json_object_new_array();
                json_object_array_add(outer, o);
                o = outer;
        }
        assert_int_equal(yaml_dump(o, 0, &text, NULL), -E2BIG);
        assert_null(text);
        json_object_put(o);
}

static void test_key_order(void **state) {
        static const char *const order[] = {
                "", ".", "1", "01", "2", "10", "10a", "eth", "eth.x", "eth0", "eth2", "eth10", "ethx", "fth",
        };

        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
                for (size_t j = 0; j < sizeof(order) / sizeof(order[0]); j++) {
                        int r = yaml_key_compare(order[i], order[j]);
                        if ((i < j) != (r < 0) || (i == j) != (r == 0))
                                fail_msg("\"%s\" against \"%s\" gives %d", order[i], order[j], r);
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_source_text),
                cmocka_unit_test(test_dump),
                cmocka_unit_test(test_dump_errors),
                cmocka_unit_test(test_key_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
