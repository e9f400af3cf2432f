/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes and the choice of a free subnet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "subnet.h"

static InetPrefix cidr(const char *s) {
        InetPrefix p = {};

        assert_int_equal(inet_parse_cidr(AF_UNSPEC, s, &p), 0);
        return p;
}

static void test_parse(void **state) {
        static const char *const bad[] = { "10.0.0.1",   "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/ 8", "/8", "a/8",
                                           "10.0.0/8",   "::1/129",     "10.0.0.1/",   "10.0.0.1/8/9", "" };
        char text[INET_TEXT_MAX];
        InetPrefix p = cidr("10.1.2.3/20");

        assert_string_equal(inet_format(&p, text), "10.1.2.3");
        assert_string_equal(inet_format_cidr(&p, text), "10.1.2.3/20");
        assert_string_equal(inet_format_network(&p, text), "10.1.0.0/20");
        p = cidr("fd42:1:2:3::1/64");
        assert_string_equal(inet_format_network(&p, text), "fd42:1:2:3::/64");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(inet_parse_cidr(AF_UNSPEC, bad[i], &p), -EINVAL);
        assert_int_equal(inet_parse_cidr(AF_INET, "fd42::1/64", &p), -EINVAL);
}

static void test_arithmetic(void **state) {
        char text[INET_TEXT_MAX];
        InetPrefix p = cidr("10.0.0.255/16"), q;

        q = inet_add(&p, 1);
        assert_string_equal(inet_format(&q, text), "10.0.1.0");
        q = inet_add(&q, -1);
        assert_true(inet_equal(&p, &q));
        p = cidr("fd42::ffff:ffff/64");
        q = inet_add(&p, 1);
        assert_string_equal(inet_format(&q, text), "fd42::1:0:0");
        q = inet_last(&p);
        assert_string_equal(inet_format(&q, text), "fd42::ffff:ffff:ffff:ffff");
}

static void test_usable(void **state) {
        static const struct {
                const char *text;
                bool usable;
        } t[] = { { "10.0.0.0/24", false }, { "10.0.0.255/24", false }, { "10.0.0.1/24", true }, { "10.0.0.0/31", true },
                  { "fd42::/64", false },   { "fd42::1/64", true },     { "10.0.1.0/23", true } };

        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                InetPrefix p = cidr(t[i].text);

                assert_int_equal(inet_is_usable(&p), t[i].usable);
        }
}

static void test_overlap(void **state) {
        InetPrefix a = cidr("10.0.0.0/8"), b = cidr("10.3.4.1/24"), c = cidr("11.0.0.1/24"), d = cidr("fd42::1/64");

        assert_true(inet_overlap(&a, &b));
        assert_true(inet_overlap(&b, &a));
        assert_false(inet_overlap(&b, &c));
        assert_false(inet_overlap(&b, &d));
}

static void test_ranges(void **state) {
        InetPrefix a, b;

        assert_int_equal(inet_parse_range(AF_INET, "10.0.0.2-10.0.0.9", &a, &b), 0);
        assert_int_equal(inet_parse_range(AF_INET, "10.0.0.9-10.0.0.2", &a, &b), -EINVAL);
        assert_int_equal(inet_parse_range(AF_INET, "10.0.0.2", &a, &b), -EINVAL);
        assert_int_equal(inet_parse_range(AF_INET6, "fd42::2-fd42::ff", &a, &b), 0);
        assert_int_equal(inet_parse_range(AF_UNSPEC, "10.0.0.2-fd42::ff", &a, &b), -EINVAL);
}

static unsigned random_calls;

static int random_fixed(void *data, size_t size) {
        memset(data, (int) random_calls++, size);
        return 0;
}

static void test_choose(void **state) {
        InetPrefix used[3] = { cidr("0.0.0.0/0"), cidr("10.0.0.0/15"), cidr("fd42:0:0:0::/64") }, p;
        char text[INET_TEXT_MAX];

        /* 10.0.0 and 10.1.1 are taken by a route of another; a default route does not count. */
        random_calls = 0;
        assert_int_equal(subnet_choose(AF_INET, used, 3, random_fixed, &p), 0);
        assert_string_equal(inet_format_cidr(&p, text), "10.2.2.1/24");
        random_calls = 0;
        assert_int_equal(subnet_choose(AF_INET6, used, 3, random_fixed, &p), 0);
        assert_string_equal(inet_format_cidr(&p, text), "fd42:101:101:101::1/64");

        used[1] = cidr("10.0.0.0/8");
        assert_int_equal(subnet_choose(AF_INET, used, 3, random_fixed, &p), -ENOSPC);
}

static void test_hwaddr(void **state) {
        static const char *const bad[] = { "",           "00:16:3e:00:00",    "00:16:3e:00:00:0g", "00:16:3e:00:00:00:",
                                           "00163e000000", "00 16 3e 00 00 00" };
        char text[HWADDR_TEXT_MAX];
        uint8_t a[6];

        assert_int_equal(hwaddr_parse("00:16:3E:0a-0B:ff", a), 0);
        assert_string_equal(hwaddr_format(a, text), "00:16:3e:0a:0b:ff");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(hwaddr_parse(bad[i], a), -EINVAL);
        assert_int_equal(hwaddr_random(a), 0);
        assert_memory_equal(a, "\x00\x16\x3e", 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),  cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_usable),
                cmocka_unit_test(test_overlap), cmocka_unit_test(test_ranges),    cmocka_unit_test(test_choose),
                cmocka_unit_test(test_hwaddr),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
