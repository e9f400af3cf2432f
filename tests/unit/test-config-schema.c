/* SPDX-License-Identifier: Apache-2.0 */
/* config-schema: tables with stars, texts of refusals, the common checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus-error.h"
#include "config-schema.h"

static const ConfigKey keys[] = {
        { "limits.memory", check_size, NULL, CONFIG_LIVE },
        { "user.*", NULL, NULL, CONFIG_MULTILINE },
        { "volatile.*.hwaddr", check_mac, NULL, 0 },
        {},
};

static int check(const char *key, const char *value, char *text, size_t size) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(config_done) Config c = {};
        int r;

        assert_int_equal(config_set(&c, key, value), 0);
        r = config_schema_check(keys, &c, &e);
        (void) snprintf(text, size, "%s", r < 0 ? e.message : "");
        return r;
}

static void tables(void **state) {
        char text[256];

        assert_int_equal(check("limits.memory", "1GiB", text, sizeof(text)), 0);
        assert_int_equal(check("limits.memory", "", text, sizeof(text)), 0);
        assert_int_equal(check("limits.memory", "lots", text, sizeof(text)), -EINVAL);
        assert_non_null(strstr(text, "limits.memory"));
        assert_int_equal(check("user.x", "a\nb", text, sizeof(text)), 0);
        assert_int_equal(check("user.x", "a\x01", text, sizeof(text)), -EINVAL);
        assert_int_equal(check("user.", "a", text, sizeof(text)), -EINVAL);
        assert_string_equal(text, "Unknown configuration key: user.");
        assert_int_equal(check("volatile.eth0.hwaddr", "00:16:3e:00:00:01", text, sizeof(text)), 0);
        assert_int_equal(check("volatile..hwaddr", "00:16:3e:00:00:01", text, sizeof(text)), -EINVAL);
        assert_int_equal(check("volatile.eth0.hwaddr", "00:16:3e:00:00:0", text, sizeof(text)), -EINVAL);
}

static void addresses(void **state) {
        const char *reason;

        assert_int_equal(check_ipv4_cidr("10.0.0.1/24", &reason), 0);
        assert_int_equal(check_ipv4_cidr("10.0.0.1/33", &reason), -EINVAL);
        assert_int_equal(check_ipv4_cidr("10.0.0.1", &reason), -EINVAL);
        assert_int_equal(check_ipv6_cidr("fd42::1/64", &reason), 0);
        assert_int_equal(check_ipv6("fd42::g", &reason), -EINVAL);
        assert_int_equal(check_mac("00:16:3e:0-:00:01", &reason), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(tables), cmocka_unit_test(addresses) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
