/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the columns and filters of "lxc list". */

#include "test.h"

#include "list-columns.h"
#include "list-filter.h"

static const char instance[] =
        "{\"name\":\"web1\",\"status\":\"Running\",\"status_code\":103,\"type\":\"container\",\"ephemeral\":true,"
        "\"architecture\":\"x86_64\",\"config\":{\"user.blah\":\"abc\",\"volatile.base_image\":\"0123456789abcdef\"},"
        "\"expanded_config\":{\"user.blah\":\"abc\",\"security.privileged\":\"true\"},\"devices\":{},"
        "\"expanded_devices\":{\"root\":{\"type\":\"disk\",\"path\":\"/\",\"pool\":\"fast\"},\"eth0\":{\"type\":\"nic\",\"parent\":\"br0\"}},"
        "\"profiles\":[\"default\",\"p2\"],\"snapshots\":[{},{}],\"location\":\"none\",\"project\":\"default\",\"description\":\"d\","
        "\"state\":{\"pid\":42,\"processes\":7,\"memory\":{\"usage\":1048576},\"cpu\":{\"usage\":3000000000},"
        "\"network\":{\"eth0\":{\"addresses\":[{\"family\":\"inet\",\"address\":\"10.0.3.5\",\"scope\":\"global\"},"
        "{\"family\":\"inet\",\"address\":\"10.0.3.9\",\"scope\":\"global\"},"
        "{\"family\":\"inet6\",\"address\":\"fe80::1\",\"scope\":\"link\"},{\"family\":\"inet6\",\"address\":\"fd42::7\",\"scope\":\"global\"}]},"
        "\"lo\":{\"addresses\":[{\"family\":\"inet\",\"address\":\"127.0.0.1\",\"scope\":\"local\"}]}}}}";

static void assert_cells(const char *text, ListNeeds needs, const char *expected) {
        _cleanup_json_ struct json_object *o = json_tokener_parse(instance);
        _cleanup_(list_columns_done) ListColumns c = {};
        _cleanup_buffer_ Buffer cells = {};

        assert_non_null(o);
        assert_int_equal(list_columns_parse(text, true, &c), 0);
        assert_int_equal(c.needs, needs);
        for (size_t i = 0; i < c.n; i++) {
                _cleanup_free_ char *value = c.columns[i].value(c.columns + i, o);
                buffer_printf(&cells, "%s=%s;", c.columns[i].title, value);
        }
        assert_string_equal(cells.data, expected);
}

static void test_columns(void **state) {
        assert_cells("nst", 0, "NAME=web1;STATE=RUNNING;TYPE=CONTAINER (EPHEMERAL);");
        assert_cells("4,6", LIST_NEEDS_STATE, "IPV4=10.0.3.9 (eth0)\n10.0.3.5 (eth0);IPV6=fd42::7 (eth0);");
        assert_cells("abdPfL", 0, "ARCHITECTURE=x86_64;STORAGE POOL=fast;DESCRIPTION=d;PROFILES=default\np2;BASE IMAGE=0123456789ab;LOCATION=none;");
        assert_cells("SpNmu", LIST_NEEDS_STATE, "SNAPSHOTS=2;PID=42;PROCESSES=7;MEMORY USAGE=1.00MiB;CPU USAGE=3s;");
        assert_cells("user.blah::2", 0, "=abc;");
        assert_cells("n,user.blah:B,config:security.privileged,devices:eth0.parent:P:10", 0,
                     "NAME=web1;B=abc;security.privileged=true;P=br0;");
}

static void assert_refused(const char *text, bool clustered, const char *message) {
        ListColumns c = {};

        fail_clear();
        assert_int_equal(list_columns_parse(text, clustered, &c), -EINVAL);
        assert_string_equal(fail_text(), message);
        assert_null(c.columns);
}

static void test_bad_columns(void **state) {
        assert_refused("nZ", true, "Unknown column shorthand char 'Z' in 'nZ'");
        assert_refused("n,,s", true, "Empty column entry (redundant, leading or trailing command) in 'n,,s'");
        assert_refused("L", false, "Can't specify column L when not clustered");
        assert_refused("user.a:b:x", true, "Invalid max width (must be an integer) 'x' in 'user.a:b:x'");
        assert_refused("user.a:b:-2", true, "Invalid max width (must -1, 0 or a positive integer) '-2' in 'user.a:b:-2'");
        assert_refused("user.a:b:3:4", true, "Invalid config key column format (too many fields): 'user.a:b:3:4'");
        assert_refused("devices:x", true, "Invalid config key 'x' in 'devices:x'");
}

static bool matches(const char *line) {
        _cleanup_json_ struct json_object *o = json_tokener_parse(instance);
        _cleanup_list_ char **words = list_split(line, ' ');
        _cleanup_(list_filters_freep) ListFilters *f = list_filters_new(words);

        return list_filters_match(f, o);
}

static void test_filters(void **state) {
        assert_true(matches("web"));
        assert_true(matches("web1"));
        assert_true(matches(".*b1$"));
        assert_false(matches("eb"));
        assert_true(matches("^we"));
        assert_true(matches("b.$"));
        assert_false(matches("^eb"));
        assert_true(matches("user.nothing="));
        assert_false(matches("user.blah="));
        assert_true(matches("ephemeral=true"));
        assert_false(matches("ephemeral=false"));
        assert_false(matches("db"));
        assert_true(matches("user.blah=abc"));
        assert_true(matches("u.blah=abc"));
        assert_true(matches("u.blah=a.c"));
        assert_false(matches("u.blah=ab"));
        assert_false(matches("user=abc"));
        assert_true(matches("s.privileged=true type=container"));
        assert_false(matches("web type=virtual-machine"));
        assert_true(matches("type=virtual-machine,container"));
        assert_true(matches("status=running"));
        assert_true(matches("ipv4=10.0.3.5"));
        assert_true(matches("ipv4=10.0.0.0/8"));
        assert_false(matches("ipv4=10.0.4.0/24"));
        assert_false(matches("ipv4=nonsense/99"));
        assert_true(matches("ipv6=fd42::/16"));
        assert_false(matches("([bad"));
        assert_true(matches("name=web1"));
        assert_true(matches("name=w.*"));
        assert_false(matches("name=web"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_columns),
                cmocka_unit_test(test_bad_columns),
                cmocka_unit_test(test_filters),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
