/* SPDX-License-Identifier: Apache-2.0 */
/* The texts for nftables and dnsmasq, against golden files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dnsmasq.h"
#include "firewall.h"
#include "golden.h"

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

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_dnsmasq), cmocka_unit_test(test_dnsmasq_wanted),
                                            cmocka_unit_test(test_dnsmasq_host), cmocka_unit_test(test_firewall_networks),
                                            cmocka_unit_test(test_firewall_nics), cmocka_unit_test(test_firewall_routed) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
