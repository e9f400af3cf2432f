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

static bool has_auto(const Config *config) {
        return streq(config_get_or(config, "ipv4.address", ""), "auto") || streq(config_get_or(config, "ipv6.address", ""), "auto");
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
        if (dnsmasq_wanted(config)) {
                if (has_auto(config)) /* the daemon has put addresses in their place */
                        return;
                if (dnsmasq_build(name, config, &paths, &text) < 0)
                        abort();
                config_lines_check_text(text, NULL);
        }
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
        for (int i = 0; i < 2; i++) {
                const char *address = config_get_or(config, i == 0 ? "ipv4.address" : "ipv6.address", "");

                *(i == 0 ? &nic.ipv4 : &nic.ipv6) = (char *) (streq(address, "none") ? "" : address);
        }
        nic_config_limits(config, &in, &out);
        if (nic_fill_firewall(&nic, &rules, allowed) < 0)
                abort();
        if (firewall_nic_wanted(&rules)) {
                _cleanup_free_ char *text = NULL;

                if (firewall_build(&(FirewallSpec) { .nics = &rules, .n_nics = 1 }, &text) < 0)
                        abort();
        }
        free(allowed[0]);
        free(allowed[1]);
}

/* Drops what is refused by itself: it would hide all the others from what comes behind the checks. The options of a tunnel need each other. */
static void drop_refused_network(Config *config) {
        for (size_t i = config->n; i > 0; i--) {
                const ConfigItem *item = config->items + i - 1;
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                _cleanup_(config_done) Config one = {};

                if (config_set(&one, item->key, item->value) < 0)
                        abort();
                if (network_config_check("br0", &one, &e) < 0 && !startswith(item->key, "tunnel.") && config_set(config, item->key, NULL) < 0)
                        abort();
        }
}

static void drop_refused_nic(const Config *all, Config *ret) {
        static const char *const kind[] = { "nictype", "network", "parent", NULL };

        CONFIG_FOREACH(i, all) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                _cleanup_(config_done) Config one = {};

                for (const char *const *k = kind; *k; k++)
                        if (config_get(all, *k) && config_set(&one, *k, config_get(all, *k)) < 0)
                                abort();
                if (config_set(&one, i->key, i->value) < 0 ||
                    (nic_config_check("eth0", &one, &e) >= 0 && config_set(ret, i->key, i->value) < 0))
                        abort();
        }
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
        DEVICES_FOREACH(d, &devices) {
                _cleanup_(config_done) Config good = {};

                try_nic(d->name, &d->config);
                drop_refused_nic(&d->config, &good);
                try_nic(d->name, &good);
        }
        try_network(name, &config);
        drop_refused_network(&config);
        try_network(name, &config);
        return 0;
}
