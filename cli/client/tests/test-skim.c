/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the skimming reader: it has to find what the whole parser finds. */

#include "test.h"

#include "json-skim.h"
#include "json-value.h"

static const char *const keys[] = { "name", "state", "n", NULL };

static void assert_skim(const char *text, const char *expected) {
        _cleanup_json_ struct json_object *list = NULL;

        assert_int_equal(json_skim(text, strlen(text), keys, &list), 0);
        assert_string_equal(jtext(list), expected);
}

static void assert_refused(const char *text) {
        struct json_object *list = NULL;

        assert_int_equal(json_skim(text, strlen(text), keys, &list), -EBADMSG);
        assert_null(list);
}

static void test_finds(void **state) {
        assert_skim("{\"type\":\"sync\",\"metadata\":[]}", "[]");
        assert_skim("{\"type\":\"sync\",\"x\":{\"metadata\":[1]},\"metadata\":[{\"name\":\"c1\",\"config\":{\"a\":\"}]\\\"\"},\"n\":1}]}",
                    "[{\"name\":\"c1\",\"n\":1}]");
        assert_skim(" { \"metadata\" : [ { \"n\" : -1.5 , \"x\" : [ [ ] , { } ] , \"name\" : null } , { } ] } ",
                    "[{\"n\":-1.5,\"name\":null},{}]");
        assert_skim("{\"metadata\":[{\"state\":{\"deep\":[{\"a\":\"b,}\"}]},\"x\":true}],\"after\":1}", "[{\"state\":{\"deep\":[{\"a\":\"b,}\"}]}}]");
        assert_skim("{\"metadata\":[{\"n\":1\n,\"name\":\"\\u00fc\\n\"}]}", "[{\"n\":1,\"name\":\"ü\\n\"}]");
        assert_skim("{\"metadata\":[{\"na\\u006de\":\"x\"}]}", "[{}]");
}

static void test_refused(void **state) {
        assert_refused("");
        assert_refused("[]");
        assert_refused("{}");
        assert_refused("{\"metadata\":{}}");
        assert_refused("{\"metadata\":[1]}");
        assert_refused("{\"metadata\":[{\"name\":\"x\"");
        assert_refused("{\"metadata\":[{\"name\":\"x\\");
        assert_refused("{\"metadata\":[{\"name\":}]}");
        assert_refused("{\"metadata\":[{\"name\":x}]}");
        assert_refused("{\"metadata\":[{},]}");
        assert_refused("{\"metadata\":[{\"a\":1,]}");
        assert_refused("{\"meta");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_finds),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
