/* SPDX-License-Identifier: Apache-2.0 */
/* What a network's configuration may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "network-config.h"

static void expect(const char *key, const char *value, const char *text) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(config_done) Config c = {};
        int r;

        assert_int_equal(config_set(&c, "ipv4.address", "10.0.0.1/24"), 0);
        assert_int_equal(config_set(&c, key, value), 0);
        r = network_config_check("br0", &c, &e);
        if (!text) {
                if (r < 0)
                        print_message("%s=%s: %s\n", key, value, e.message);
                assert_int_equal(r, 0);
                return;
        }
        assert_int_equal(r, -EINVAL);
        assert_string_equal(e.name, "org.lxd.Error.InvalidArgument");
        assert_string_equal(e.message, text);
}

static void test_good(void **state) {
        static const struct {
                const char *key, *value;
        } t[] = {
                { "ipv4.address", "auto" },
                { "ipv4.address", "none" },
                { "ipv4.address", "" },
                { "ipv6.address", "fd42::1/64" },
                { "ipv4.nat", "TRUE" },
                { "ipv4.nat.order", "after" },
                { "ipv4.nat.address", "192.168.1.4" },
                { "ipv4.dhcp.ranges", "10.0.0.5-10.0.0.9, 10.0.0.20-10.0.0.30" },
                { "ipv4.dhcp.expiry", "infinite" },
                { "ipv4.dhcp.expiry", "30m" },
                { "ipv4.routes", "10.9.0.0/24,10.8.0.1" },
                { "dns.domain", "lxd.example.org" },
                { "dns.search", "a.example, b.example" },
                { "dns.mode", "dynamic" },
                { "bridge.mtu", "9000" },
                { "bridge.driver", "native" },
                { "bridge.hwaddr", "00:16:3e:01:02:03" },
                { "bridge.external_interfaces", "eth1,eth2" },
                { "user.anything", "a\nb" },
                { "raw.dnsmasq", "dhcp-option=6,1.1.1.1\nlog-queries" },
                { "tunnel.t.protocol", "vxlan" },
                { "volatile.bridge.hwaddr", "00:16:3e:01:02:03" },
        };

        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                expect(t[i].key, t[i].value, NULL);
}

#define BAD(key, text) "Invalid value for network \"br0\" option \"" key "\": " text

static void test_bad(void **state) {
        expect("foo", "bar", "Invalid option for network \"br0\" option \"foo\"");
        expect("user.", "bar", "Invalid option for network \"br0\" option \"user.\"");
        expect("tunnel.a.foo", "bar", "Invalid option for network \"br0\" option \"tunnel.a.foo\"");
        expect("ipv4.address", "foo", BAD("ipv4.address", "Invalid IPv4 CIDR address \"foo\""));
        expect("ipv4.address", "10.0.0.0/24", BAD("ipv4.address", "Not a usable IPv4 address \"10.0.0.0/24\""));
        expect("ipv4.dhcp", "maybe", BAD("ipv4.dhcp", "Invalid value for a boolean \"maybe\""));
        expect("bridge.mtu", "10", BAD("bridge.mtu", "Out of MTU range (1280-16384) \"10\""));
        expect("ipv4.nat.order", "x", BAD("ipv4.nat.order", "Invalid value \"x\" (not one of [before after])"));
        expect("dns.mode", "x", BAD("dns.mode", "Invalid value \"x\" (not one of [dynamic managed none])"));
        expect("ipv4.dhcp.ranges", "10",
               BAD("ipv4.dhcp.ranges", "IP range must contain start and end IP addresses, in this order: \"10\""));
        expect("ipv4.dhcp.ranges", "10.1.0.2-10.1.0.9",
               BAD("ipv4.dhcp.ranges", "the range \"10.1.0.2-10.1.0.9\" is not inside of the subnet 10.0.0.0/24"));
        expect("ipv4.routes", "0.0.0.0/0",
               BAD("ipv4.routes", "A network cannot take all traffic of the host: \"0.0.0.0/0\""));
        expect("maas.subnet.ipv4", "x",
               BAD("maas.subnet.ipv4",
                   "Invalid value \"x\" (MAAS is not supported; addresses come from ipv4.dhcp and ipv6.dhcp)"));
        expect("tunnel.t.protocol", "gre",
               "The gre tunnel \"t\" of network \"br0\" needs both tunnel.t.local and tunnel.t.remote");
        expect("tunnel.t.port", "1", "The tunnel \"t\" of network \"br0\" needs tunnel.t.protocol");
}

/* Whatever ends up in a file of dnsmasq cannot add a line or an option to it. */
static void test_injection(void **state) {
        static const char *const keys[] = { "dns.domain",        "dns.search",   "ipv4.dhcp.expiry", "ipv4.dhcp.ranges",
                                            "ipv4.dhcp.gateway", "ipv4.address", "bridge.mtu",       "ipv6.dhcp.expiry" };
        static const char *const values[] = { "lxd\ndhcp-script=/bin/sh", "a\rb", "x,y z", "lxd/#", "=", "../x/", "\x01" };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                for (size_t k = 0; k < ELEMENTSOF(values); k++) {
                        _cleanup_(config_done) Config c = {};

                        assert_int_equal(config_set(&c, keys[i], values[k]), 0);
                        assert_int_equal(config_set(&c, "ipv4.address", streq(keys[i], "ipv4.address") ? values[k] : "10.0.0.1/24"), 0);
                        assert_int_equal(network_config_check("br0", &c, NULL), -EINVAL);
                }
}

static void test_name(void **state) {
        static const struct {
                const char *name, *text;
        } t[] = { { "", "No name provided" },
                  { "a", "Network interface is too short (minimum 2 characters)" },
                  { "a/b", "Network interface contains invalid characters" },
                  { "b r0", "Network interface contains invalid characters" },
                  { "waytoolongnameforit", "Network interface is too long (maximum 15 characters)" } };

        assert_int_equal(network_name_check("lxdbr0", NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;

                assert_int_equal(network_name_check(t[i].name, &e), -EINVAL);
                assert_string_equal(e.message, t[i].text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_good), cmocka_unit_test(test_bad),
                                            cmocka_unit_test(test_injection), cmocka_unit_test(test_name) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
