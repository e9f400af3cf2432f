/* SPDX-License-Identifier: Apache-2.0 */
/* Request targets and the routes they lead to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "routes.h"

static void test_path(void **state) {
        Target t = {};

        assert_int_equal(target_parse("/", &t), 0);
        assert_int_equal(t.n_segments, 0);
        target_done(&t);

        assert_int_equal(target_parse("/1.0/images/aliases/a%2Fb%20c", &t), 0);
        assert_int_equal(t.n_segments, 4);
        assert_string_equal(t.segments[3], "a/b c");
        target_done(&t);

        assert_int_equal(target_parse("http://host:8443/1.0/x?a=b", &t), 0);
        assert_int_equal(t.n_segments, 2);
        assert_string_equal(t.segments[1], "x");
        assert_string_equal(target_parameter(&t, "a"), "b");
        target_done(&t);

        assert_int_equal(target_parse("/1.0//x/", &t), 0);
        assert_int_equal(t.n_segments, 4);
        assert_string_equal(t.segments[1], "");
        assert_string_equal(t.segments[3], "");
        target_done(&t);
}

static void test_query(void **state) {
        Target t = {};

        assert_int_equal(target_parse("/1.0?a=1&b=x+y%26&&c&a=2#fragment", &t), 0);
        assert_int_equal(t.n_parameters, 4);
        assert_string_equal(target_parameter(&t, "a"), "1");
        assert_string_equal(target_parameter(&t, "b"), "x y&");
        assert_string_equal(target_parameter(&t, "c"), "");
        assert_null(target_parameter(&t, "d"));
        target_done(&t);
}

static void test_malformed(void **state) {
        static const char *const bad[] = { "", "x", "*", "/%", "/%2", "/%zz", "/a%00b", "/?a=%00", "/%ff", "/a%0ab", "/?%80=1",
                                            "http://", "http://host", "https://host?x", "ftp://host/" };
        char many[3 * (TARGET_SEGMENTS_MAX + 2)] = "";
        Target t = {};

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(target_parse(bad[i], &t), -EINVAL);
                assert_null(t.text);
        }
        for (size_t i = 0; i <= TARGET_SEGMENTS_MAX; i++)
                strcat(many, "/a");
        assert_int_equal(target_parse(many, &t), -E2BIG);
        assert_null(t.text);
}

static int find(const char *method, const char *uri, Request *r) {
        *r = (Request) { .type = "" };
        assert_int_equal(target_parse(uri, &r->target), 0);
        return route_find(r, method);
}

static void test_routes(void **state) {
        Request r;

        assert_int_equal(find("GET", "/", &r), 0);
        target_done(&r.target);

        assert_int_equal(find("GET", "/1.0/instances/c1", &r), 0);
        assert_string_equal(r.route->path, "1.0/instances/{}");
        assert_string_equal(r.labels[0], "c1");
        assert_string_equal(r.type, "");
        target_done(&r.target);

        assert_int_equal(find("PUT", "/1.0/containers/c1/state?x=y", &r), 0);
        assert_string_equal(r.route->path, "1.0/instances/{}/state");
        assert_string_equal(r.type, "container");
        target_done(&r.target);

        assert_int_equal(find("GET", "/1.0/storage-pools/p/volumes/custom/v/snapshots/s", &r), 0);
        assert_string_equal(r.labels[0], "p");
        assert_string_equal(r.labels[1], "custom");
        assert_string_equal(r.labels[2], "v");
        assert_string_equal(r.labels[3], "s");
        target_done(&r.target);
}

/* The names of image aliases have slashes, encoded or not. */
static void test_route_with_rest(void **state) {
        Request r;

        assert_int_equal(find("GET", "/1.0/images/aliases/debian/12%2fdefault/a%20b", &r), 0);
        assert_string_equal(r.labels[0], "debian/12/default/a b");
        target_done(&r.target);

        assert_int_equal(find("GET", "/1.0/images/aliases", &r), 0);
        assert_string_equal(r.route->path, "1.0/images/aliases");
        target_done(&r.target);
}

static void test_no_route(void **state) {
        static const char *const paths[] = { "/nope", "/1.0/", "/1.0/nope", "/1.0/instances/", "/1.0/instances/c1/nope", "/1.0/instances//state",
                                             "/1.0/images/aliases/", "/2.0" };
        Request r;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                assert_int_equal(find("GET", paths[i], &r), -ENOENT);
                target_done(&r.target);
        }
        assert_int_equal(find("DELETE", "/1.0", &r), -EOPNOTSUPP);
        target_done(&r.target);
        assert_int_equal(find("get", "/1.0", &r), -EOPNOTSUPP);
        target_done(&r.target);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_path),   cmocka_unit_test(test_query),           cmocka_unit_test(test_malformed),
                cmocka_unit_test(test_routes), cmocka_unit_test(test_route_with_rest), cmocka_unit_test(test_no_route),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
