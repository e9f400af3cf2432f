/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of networks and their interfaces: what is accepted makes texts for dnsmasq and nft in which nothing but values is the user's. */
#include <stdio.h>

#include "config-lines.h"
#include "dnsmasq.h"
#include "firewall.h"
#include "network-config.h"
#include "nic-config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many lines, braces, quotes and semicolons: no name may change that. */
static size_t structure(const char *text) {
        size_t n = 0;

        for (; *text; text++)
                n += strchr("\n{};\"#", *text) != NULL;
        return n;
}

static size_t firewall_structure(const char *name, const Config *config) {
        FirewallNetwork n = { .bridge = name };
        _cleanup_free_ char *text = NULL;

        for (int i = 0; i < 2; i++) {
                int family = i == 0 ? AF_INET : AF_INET6;

                network_config_address(config, family, &n.family[i].address);
                n.family[i].nat = network_config_family_bool(config, family, "nat", false);
                n.family[i].filter = network_config_family_bool(config, family, "firewall", true);
                n.family[i].routing = network_config_family_bool(config, family, "routing", true);
                n.family[i].dhcp = network_config_family_bool(config, family, "dhcp", true);
        }
        if (firewall_build(&(FirewallSpec) { .networks = &n, .n_networks = 1 }, &text) < 0)
                abort();
        return structure(text);
}

static void try_network(const char *name, Config *config) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL, other = SD_BUS_ERROR_NULL;
        const DnsmasqPaths paths = { "/run/lxd/network/n", "/var/lib/lxd/networks/n" };
        _cleanup_strv_free_ Strv tunnels = NULL;
        _cleanup_free_ char *text = NULL;
        int r = network_name_check(name, &e);

        if ((r < 0) != !!e.message)
                abort();
        if (network_config_check(name, config, &other) < 0) {
                if (!other.message)
                        abort();
                return;
        }
        if (r < 0)
                return;
        if (network_config_tunnels(config, &tunnels) < 0 || config_set(config, "raw.dnsmasq", NULL) < 0) /* may add lines: what it is for */
                abort();
        if (dnsmasq_wanted(config) && dnsmasq_build(name, config, &paths, &text) >= 0)
                config_lines_check_text(text, NULL);
        if (firewall_structure(name, config) != firewall_structure("br0", config))
                abort();
}

static void try_nic(const char *name, const Config *config) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        InetPrefix *allowed[2] = {};
        Nic nic = { .host_name = (char *) "veth0", .link = (char *) "veth1", .hwaddr = (char *) "00:16:3e:00:00:01", .network = (char *) "br0",
                    .config = *config };
        uint64_t in, out;
        FirewallNic rules;

        if (nic_config_check(name, config, &e) < 0) {
                if (!e.message)
                        abort();
                return;
        }
        nic.ipv4 = (char *) config_get_or(config, "ipv4.address", "");
        nic.ipv6 = (char *) config_get_or(config, "ipv6.address", "");
        nic_config_limits(config, &in, &out);
        if (nic_fill_firewall(&nic, &rules, allowed) >= 0 && firewall_nic_wanted(&rules)) {
                _cleanup_free_ char *text = NULL;

                if (firewall_build(&(FirewallSpec) { .nics = &rules, .n_nics = 1 }, &text) < 0)
                        abort();
        }
        free(allowed[0]);
        free(allowed[1]);
}

/* The network is what lines "key=value" say, and its name the value of the unknown key "name". */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_done) Config config = {};
        _cleanup_(devices_done) Devices devices = {};
        _cleanup_free_ char *name = NULL;

        config_lines_read(data, size, &config, &devices);
        name = strdup(config_get_or(&config, "name", "br0"));
        if (!name || config_set(&config, "name", NULL) < 0)
                abort();
        try_network(name, &config);
        DEVICES_FOREACH(d, &devices)
                try_nic(d->name, &d->config);
        return 0;
}
