/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of shared/filter.c: the language, its evaluation, and what it refuses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus-error.h"
#include "filter.h"

static const char *value(const char *field, char *buffer, size_t size, void *userdata) {
        static const char *const table[][2] = {
                { "name", "my container" }, { "status", "Running" },       { "properties.os", "Busybox" },
                { "public", "false" },      { "architecture", "x86_6(4" }, { "release", "10.5" },
        };

        (*(unsigned *) userdata)++;
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (streq(table[i][0], field))
                        return table[i][1];
        if (streq(field, "size")) {
                (void) snprintf(buffer, size, "%d", 444);
                return buffer;
        }
        return NULL;
}

static bool matches(const char *text) {
        _cleanup_(filter_freep) Filter *f = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        unsigned calls = 0;

        if (filter_parse(text, &f, &e) < 0)
                fail_msg("%s: %s", text, e.message);
        return filter_match(f, value, &calls);
}

static void assert_refused(const char *text, const char *message) {
        Filter *f = (Filter *) 0x1;
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(filter_parse(text, &f, &e), -EINVAL);
        assert_ptr_equal(f, (Filter *) 0x1);
        assert_string_equal(e.name, LXD_ERROR_INVALID);
        assert_string_equal(e.message, message);
}

static void test_compare(void **state) {
        assert_true(matches("status eq Running"));
        assert_true(matches("status EQ running"));
        assert_false(matches("status ne Running"));
        assert_true(matches("name eq \"my container\""));
        assert_false(matches("name eq my"));
        assert_true(matches("public eq false"));
        assert_true(matches("size eq 444"));
        assert_false(matches("missing eq \"\""));
        assert_true(matches("missing ne x"));
        assert_true(matches(""));
        assert_true(matches(" \t"));
}

static void test_not_and_order(void **state) {
        assert_false(matches("not status eq Running"));
        assert_true(matches("not status ne Running"));
        assert_true(matches("status eq Running and not public eq true"));
        /* from left to right: (a or b) and c, never a or (b and c) */
        assert_false(matches("status eq Running or size eq 1 and size eq 2"));
        assert_true(matches("size eq 1 and size eq 2 or status eq Running"));
        assert_true(matches("size eq 1 or size eq 2 or size eq 444"));
}

static void test_regular_expressions(void **state) {
        assert_true(matches("properties.os eq bu.*"));
        assert_false(matches("properties.os eq us.*"));
        assert_true(matches("properties.os eq ^bus"));
        assert_true(matches("properties.os eq foo|busybox"));
        assert_false(matches("properties.os eq foo|bus"));
        assert_true(matches("architecture eq x86_6(4")); /* no regular expression: the text itself */
        assert_true(matches("release eq 10.5"));
        assert_false(matches("properties.os eq .{7}"));
        assert_false(matches("properties.os eq (B)usybox\\1"));
        assert_false(matches("properties.os eq (((((((((((((((((((((((((((((((B+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)"));
}

/* What takes glibc too long is text. */
static void test_expensive_expressions(void **state) {
        assert_true(matches("properties.os eq B?u?s?y?b?o?x?.*(b|u|)[^]a[:digit:]]*$"));
        assert_true(matches("properties.os eq ((b|c*u)+s(y(b(o))))*x"));
        assert_true(matches("properties.os eq (b|\\.)usybox|"));
        assert_false(matches("properties.os eq b**usybox"));
        assert_false(matches("properties.os eq ()+busybox"));
        assert_false(matches("properties.os eq (a|)*busybox"));
        assert_false(matches("properties.os eq ^*busybox"));
        assert_false(matches("properties.os eq (x*|y?)+busybox"));
        assert_false(matches("properties.os eq .*b?u?s?y?b?o?x?.*.*.*.*.*.*.*.*.*")); /* 17 repetitions */
        assert_false(matches("properties.os eq (b=?" "?" "?|busybox)+"));
        assert_false(matches("properties.os eq a|||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||busybox"));
        assert_false(matches("properties.os eq x)|(busybox"));
        assert_false(matches("properties.os eq [[:alpha:busybox|busybox"));
        assert_false(matches("properties.os eq busybox|\\"));
}

static void test_refused(void **state) {
        assert_refused("foo", "Invalid filter: clause has no operator");
        assert_refused("foo eq", "Invalid filter: clause has no value");
        assert_refused("not", "Invalid filter: incomplete not clause");
        assert_refused("a eq b and", "Invalid filter: unterminated compound clause");
        assert_refused("a eq b c eq d", "Invalid filter: invalid clause composition");
        assert_refused("a eq b \"and\" c eq d", "Invalid filter: invalid clause composition");
        assert_refused("a gt b", "Invalid filter: unknown operator \"gt\" (use eq or ne)");
        assert_refused("a eq \"b", "Invalid filter: quote is not closed");
}

static void test_limits(void **state) {
        _cleanup_free_ char *many = malloc(70 * 11 + 1), *longer = malloc(FILTER_SIZE_MAX + 2);
        char *p = many;

        for (unsigned i = 0; i < 70; i++)
                p = stpcpy(p, i == 0 ? "a eq b" : " and a eq b");
        assert_refused(many, "Invalid filter: too many clauses");

        memset(longer, 'a', FILTER_SIZE_MAX + 1);
        longer[FILTER_SIZE_MAX + 1] = '\0';
        assert_refused(longer, "Invalid filter: expression is too long");
}

static void test_short_circuit_and_uses(void **state) {
        _cleanup_(filter_freep) Filter *f = NULL;
        unsigned calls = 0;

        assert_int_equal(filter_parse("size eq 1 and state.pid eq 5 or status eq Running", &f, NULL), 0);
        assert_true(filter_match(f, value, &calls));
        assert_int_equal(calls, 2);
        assert_true(filter_uses(f, "state"));
        assert_true(filter_uses(f, "size"));
        assert_false(filter_uses(f, "stat"));
        assert_false(filter_uses(NULL, "stat"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_compare),
                cmocka_unit_test(test_not_and_order),
                cmocka_unit_test(test_regular_expressions),
                cmocka_unit_test(test_expensive_expressions),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_short_circuit_and_uses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
