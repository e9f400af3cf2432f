/* SPDX-License-Identifier: Apache-2.0 */
/* The texts for nftables and dnsmasq, against golden files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dnsmasq.h"
#include "firewall.h"
#include "golden.h"
#include "lease-file.h"

static const DnsmasqPaths paths = { .run = "/run/lxd/network/lxdbr0", .state = "/var/lib/lxd/networks/lxdbr0" };

static InetPrefix cidr(const char *s) {
        InetPrefix p = {};

        assert_int_equal(strchr(s, '/') ? inet_parse_cidr(AF_UNSPEC, s, &p) : inet_parse(AF_UNSPEC, s, &p), 0);
        return p;
}

/* items: key, value, ..., NULL */
static void check_dnsmasq(const char *golden, const char *const *items) {
        _cleanup_(config_done) Config c = {};
        _cleanup_free_ char *text = NULL;

        for (; *items; items += 2)
                assert_int_equal(config_set(&c, items[0], items[1]), 0);
        assert_int_equal(dnsmasq_build("lxdbr0", &c, &paths, &text), 0);
        assert_golden(golden, text);
}

#define ITEMS(...) ((const char *const[]) { __VA_ARGS__, NULL })

static void test_dnsmasq(void **state) {
        check_dnsmasq("dnsmasq-default.conf", ITEMS("ipv4.address", "10.77.0.1/24", "ipv6.address", "fd42:77::1/64"));
        check_dnsmasq("dnsmasq-ipv4-only.conf", ITEMS("ipv4.address", "10.77.0.1/24", "ipv6.address", "none", "dns.mode", "none",
                                                      "bridge.mtu", "1400"));
        check_dnsmasq("dnsmasq-all.conf",
                      ITEMS("ipv4.address", "10.77.0.1/16", "ipv4.dhcp.ranges", "10.77.1.2-10.77.1.9,10.77.2.2-10.77.2.9",
                            "ipv4.dhcp.expiry", "5m", "ipv4.dhcp.gateway", "10.77.0.254", "ipv6.address", "fd42:77::1/64",
                            "ipv6.dhcp.stateful", "true", "ipv6.dhcp.ranges", "fd42:77::100-fd42:77::1ff", "ipv6.dhcp.expiry",
                            "10m", "dns.domain", "example.org", "dns.mode", "dynamic", "dns.search", "a.example,b.example",
                            "raw.dnsmasq", "log-queries\nserver=/x/1.1.1.1"));
        check_dnsmasq("dnsmasq-no-dhcp.conf", ITEMS("ipv4.address", "10.77.0.1/24", "ipv4.dhcp", "false", "ipv6.address",
                                                    "fd42:77::1/64", "ipv6.dhcp", "false"));
        check_dnsmasq("dnsmasq-stateful.conf", ITEMS("ipv4.address", "10.77.0.5/30", "ipv6.address", "fd42:77::1/80",
                                                     "ipv6.dhcp.stateful", "true"));
}

static void test_dnsmasq_wanted(void **state) {
        _cleanup_(config_done) Config c = {};

        assert_false(dnsmasq_wanted(&c));
        assert_int_equal(config_set(&c, "ipv4.address", "none"), 0);
        assert_false(dnsmasq_wanted(&c));
        assert_int_equal(config_set(&c, "ipv6.address", "fd42::1/64"), 0);
        assert_true(dnsmasq_wanted(&c));
}

static void test_dnsmasq_host(void **state) {
        _cleanup_free_ char *a = NULL, *b = NULL;

        assert_int_equal(dnsmasq_build_host(&(DnsmasqHost) { "00:16:3e:01:02:03", NULL, NULL, "c1" }, &a), 0);
        assert_string_equal(a, "00:16:3e:01:02:03,c1\n");
        assert_int_equal(dnsmasq_build_host(&(DnsmasqHost) { "00:16:3e:01:02:03", "10.0.0.5", "fd42::5", "c1" }, &b), 0);
        assert_string_equal(b, "00:16:3e:01:02:03,10.0.0.5,[fd42::5],c1\n");
}

static void check_firewall(const char *golden, const FirewallSpec *spec) {
        _cleanup_free_ char *text = NULL;

        assert_int_equal(firewall_build(spec, &text), 0);
        assert_golden(golden, text);
}

static void test_firewall_networks(void **state) {
        FirewallNetwork n[2] = {
                { .bridge = "lxdbr0",
                  .family = { { .address = cidr("10.77.0.1/24"), .nat = true, .filter = true, .routing = true, .dhcp = true },
                              { .address = cidr("fd42:77::1/64"), .nat = true, .filter = true, .routing = true, .dhcp = true } } },
                { .bridge = "my-br.1",
                  .family = { { .address = cidr("10.78.0.1/24"), .nat = true, .nat_after = true, .nat_address = cidr("192.0.2.7") },
                              { .address = cidr("fd42:78::1/64"), .filter = true, .routing = true } } },
        };

        check_firewall("firewall-empty.nft", &(FirewallSpec) {});
        check_firewall("firewall-default.nft", &(FirewallSpec) { .networks = n, .n_networks = 1 });
        check_firewall("firewall-two.nft", &(FirewallSpec) { .networks = n, .n_networks = 2, .had_nics = true });
}

static void test_firewall_nics(void **state) {
        InetPrefix v4[] = { cidr("10.77.0.5"), cidr("10.99.0.0/24") }, v6[] = { cidr("fd42:77::5") };
        FirewallNic nics[] = {
                { .host_name = "veth00000001", .hwaddr = { 0, 0x16, 0x3e, 1, 2, 3 } },
                { .host_name = "veth00000002", .hwaddr = { 0, 0x16, 0x3e, 1, 2, 4 }, .filter_hwaddr = true },
                { .host_name = "veth00000003",
                  .hwaddr = { 0, 0x16, 0x3e, 1, 2, 5 },
                  .filter_hwaddr = true,
                  .family = { { true, v4, 2 }, { true, v6, 1 } },
                  .egress = 8000000 },
                { .host_name = "veth00000004",
                  .hwaddr = { 0, 0x16, 0x3e, 1, 2, 6 },
                  .family = { { true, NULL, 0 }, { true, NULL, 0 } } },
        };

        assert_false(firewall_nic_wanted(nics));
        assert_true(firewall_nic_wanted(nics + 1));
        check_firewall("firewall-nics.nft", &(FirewallSpec) { .nics = nics, .n_nics = ELEMENTSOF(nics) });
}

static void test_firewall_routed(void **state) {
        FirewallNic nics[] = {
                { .host_name = "veth00000001", .hwaddr = { 0, 0x16, 0x3e, 1, 2, 3 }, .routed = true, .egress = 8000000 },
                { .host_name = "veth00000002", .hwaddr = { 0, 0x16, 0x3e, 1, 2, 4 }, .routed = true },
        };

        check_firewall("firewall-routed.nft", &(FirewallSpec) { .nics = nics, .n_nics = ELEMENTSOF(nics) });
}

static void test_lease_release(void **state) {
        static const char text[] = "1700000000 00:16:3e:01:02:03 10.0.0.5 c1 ff:aa:01\n1700000000 00:16:3e:01:02:04 10.0.0.6 * *\n"
                                   "duid 00:01:00:02\n1700000000 12345 fd42::5 c1 00:03:00:01\n1700000000 7 fd42::6 c2 *\nrubbish\n";
        _cleanup_(lease_list_done) LeaseList l = {};
        InetPrefix server = cidr("10.0.0.1");
        uint8_t message[LEASE_MESSAGE_MAX];
        _cleanup_free_ char *hex = NULL;

        assert_int_equal(lease_parse(text, &l), 0);
        assert_int_equal(l.n, 4);
        assert_string_equal(l.server, "00:01:00:02");
        assert_string_equal(l.items[0].client, "ff:aa:01");
        assert_string_equal(l.items[1].client, "");
        assert_int_equal(l.items[2].iaid, 12345);

        assert_int_equal(lease_build_release(l.items, &server, NULL, message), 236 + 4 + 3 + 6 + 5 + 1);
        assert_int_equal(hex_encode(message + 236, 4 + 3 + 6 + 5 + 1, &hex), 0);
        assert_string_equal(hex, "638253633501073604" "0a000001" "3d03ffaa01ff");
        assert_memory_equal(message + 12, "\x0a\0\0\x05", 4);
        assert_memory_equal(message + 28, "\0\x16\x3e\1\2\3", 6);
        assert_int_equal(lease_build_release(l.items + 1, &server, NULL, message), 236 + 4 + 3 + 6 + 1);
        assert_int_equal(lease_build_release(l.items, &(InetPrefix) {}, NULL, message), -EINVAL);

        assert_int_equal(lease_build_release(l.items + 2, NULL, l.server, message), 4 + 8 + 8 + 16 + 28);
        hex = (free(hex), NULL);
        assert_int_equal(hex_encode(message, 4 + 8 + 8 + 16 + 28, &hex), 0);
        assert_string_equal(hex, "086c7864" "0001000400030001" "0002000400010002" "00030028" "00003039" "0000000000000000"
                                 "00050018" "fd420000000000000000000000000005" "0000000000000000");
        assert_int_equal(lease_build_release(l.items + 2, NULL, NULL, message), -EINVAL);
        assert_int_equal(lease_build_release(l.items + 2, NULL, "0:1", message), -EINVAL);
        assert_int_equal(lease_build_release(l.items + 2, NULL, "00:", message), -EINVAL);
        assert_int_equal(lease_build_release(l.items + 3, NULL, l.server, message), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_dnsmasq), cmocka_unit_test(test_dnsmasq_wanted),
                                            cmocka_unit_test(test_dnsmasq_host), cmocka_unit_test(test_firewall_networks),
                                            cmocka_unit_test(test_firewall_nics), cmocka_unit_test(test_firewall_routed),
                                            cmocka_unit_test(test_lease_release) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
