/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a network: which keys there are, which values they take, which go together. */
#include "network-config.h"

#include <ctype.h>
#include <stdio.h>

#include "bus-error.h"
#include "config-schema.h"

/* A reason that starts with '(' goes behind the value, any other in front of it. */
static int refuse(const char **ret_reason, const char *reason) {
        *ret_reason = reason;
        return -EINVAL;
}

static int check_boolean(const char *value, const char **ret_reason) {
        bool b;

        return parse_bool(value, &b) < 0 ? refuse(ret_reason, "Invalid value for a boolean") : 0;
}

static int check_mtu(const char *value, const char **ret_reason) {
        uint32_t mtu;

        if (parse_u32(value, &mtu) < 0)
                return refuse(ret_reason, "Invalid value for an integer");
        return mtu < 1280 || mtu > 16384 ? refuse(ret_reason, "Out of MTU range (1280-16384)") : 0;
}

static int check_hwaddr(const char *value, const char **ret_reason) {
        uint8_t hwaddr[6];

        if (hwaddr_parse(value, hwaddr) < 0)
                return refuse(ret_reason, "Invalid MAC address, expected six bytes such as 00:16:3e:01:02:03, got");
        return hwaddr[0] & 1 ? refuse(ret_reason, "An interface cannot have the multicast address") : 0;
}

static int check_interfaces(const char *value, const char **ret_reason) {
        _cleanup_strv_free_ Strv items = NULL;

        if (strv_split(value, ",", &items) < 0)
                return refuse(ret_reason, "Out of memory for");
        STRV_FOREACH(i, items)
                if (!interface_name_is_valid(*i))
                        return refuse(ret_reason, "Not a list of interface names:");
        return 0;
}

static int check_driver(const char *value, const char **ret_reason) {
        if (streq(value, "openvswitch"))
                return refuse(ret_reason, "(Open vSwitch is not supported here; leave the option out to get a native bridge)");
        return streq(value, "native") ? 0 : refuse(ret_reason, "(not one of [native openvswitch])");
}

static int check_bridge_mode(const char *value, const char **ret_reason) {
        if (streq(value, "fan"))
                return refuse(ret_reason, "(the fan needs a patched kernel and is not supported; use a vxlan tunnel)");
        return streq(value, "standard") ? 0 : refuse(ret_reason, "(not one of [standard fan])");
}

static int check_fan(const char *value, const char **ret_reason) {
        return refuse(ret_reason, "(fan networks are not supported)");
}

static int check_maas(const char *value, const char **ret_reason) {
        return refuse(ret_reason, "(MAAS is not supported; addresses come from ipv4.dhcp and ipv6.dhcp)");
}

/* Letters, digits, '-', '_' and '.': nothing that means something in a file of dnsmasq. */
static bool is_domain(const char *s) {
        if (isempty(s) || strlen(s) > 253 || s[0] == '-' || s[0] == '.')
                return false;
        for (; *s; s++)
                if (!isalnum((unsigned char) *s) && !strchr("-_.", *s))
                        return false;
        return true;
}

static int check_domain(const char *value, const char **ret_reason) {
        return is_domain(value) ? 0 : refuse(ret_reason, "Not a domain name:");
}

static int check_domains(const char *value, const char **ret_reason) {
        _cleanup_strv_free_ Strv items = NULL;

        if (strv_split(value, ",", &items) < 0)
                return refuse(ret_reason, "Out of memory for");
        STRV_FOREACH(i, items)
                if (!is_domain(*i))
                        return refuse(ret_reason, "Not a list of domain names:");
        return 0;
}

static int check_dns_mode(const char *value, const char **ret_reason) {
        return streq(value, "dynamic") || streq(value, "managed") || streq(value, "none")
                               ? 0
                               : refuse(ret_reason, "(not one of [dynamic managed none])");
}

static int check_order(const char *value, const char **ret_reason) {
        return streq(value, "before") || streq(value, "after") ? 0 : refuse(ret_reason, "(not one of [before after])");
}

/* "45", "45s", "10m", "1h", "7d", "2w", "infinite"; the lease times of dnsmasq. */
static int check_lease_time(const char *value, const char **ret_reason) {
        size_t digits = strspn(value, "0123456789"), n = strlen(value);

        if (streq(value, "infinite") || (digits > 0 && digits < 10 && n == digits) ||
            (digits > 0 && digits < 10 && n == digits + 1 && strchr("smhdw", value[n - 1])))
                return 0;
        return refuse(ret_reason, "Not a lease time such as 45m, 1h, 7d or infinite:");
}

static int check_bridge_address(int family, const char *value, const char **ret_reason) {
        InetPrefix p;

        if (streq(value, "none") || streq(value, "auto"))
                return 0;
        if (inet_parse_cidr(family, value, &p) < 0)
                return refuse(ret_reason, family == AF_INET ? "Invalid IPv4 CIDR address" : "Invalid IPv6 CIDR address");
        if (!inet_is_usable(&p))
                return refuse(ret_reason, family == AF_INET ? "Not a usable IPv4 address" : "Not a usable IPv6 address");
        return 0;
}

static int check_bridge_ipv4(const char *value, const char **ret_reason) {
        return check_bridge_address(AF_INET, value, ret_reason);
}

static int check_bridge_ipv6(const char *value, const char **ret_reason) {
        return check_bridge_address(AF_INET6, value, ret_reason);
}

static int check_host_ipv4(const char *value, const char **ret_reason) {
        InetPrefix p;

        return inet_parse(AF_INET, value, &p) < 0 ? refuse(ret_reason, "Not an IPv4 address") : 0;
}

static int check_host_ipv6(const char *value, const char **ret_reason) {
        InetPrefix p;

        return inet_parse(AF_INET6, value, &p) < 0 ? refuse(ret_reason, "Not an IPv6 address") : 0;
}

static int check_subnets(int family, const char *value, const char **ret_reason) {
        _cleanup_free_ InetPrefix *list = NULL;
        size_t n;

        if (inet_parse_list(family, value, &list, &n) < 0)
                return refuse(ret_reason, family == AF_INET ? "Not a list of IPv4 subnets:" : "Not a list of IPv6 subnets:");
        for (size_t i = 0; i < n; i++)
                if (list[i].length == 0)
                        return refuse(ret_reason, "A network cannot take all traffic of the host:");
        return 0;
}

static int check_subnets_ipv4(const char *value, const char **ret_reason) {
        return check_subnets(AF_INET, value, ret_reason);
}

static int check_subnets_ipv6(const char *value, const char **ret_reason) {
        return check_subnets(AF_INET6, value, ret_reason);
}

static int check_ranges(int family, const char *value, const char **ret_reason) {
        _cleanup_strv_free_ Strv items = NULL;
        InetPrefix a, b;

        if (strv_split(value, ",", &items) < 0)
                return refuse(ret_reason, "Out of memory for");
        STRV_FOREACH(i, items)
                if (inet_parse_range(family, *i, &a, &b) < 0)
                        return refuse(ret_reason, "IP range must contain start and end IP addresses, in this order:");
        return 0;
}

static int check_ranges_ipv4(const char *value, const char **ret_reason) {
        return check_ranges(AF_INET, value, ret_reason);
}

static int check_ranges_ipv6(const char *value, const char **ret_reason) {
        return check_ranges(AF_INET6, value, ret_reason);
}

static int check_any_address(const char *value, const char **ret_reason) {
        InetPrefix p;

        return inet_parse(AF_UNSPEC, value, &p) < 0 ? refuse(ret_reason, "Not an IP address") : 0;
}

static int check_tunnel_protocol(const char *value, const char **ret_reason) {
        return streq(value, "gre") || streq(value, "vxlan") ? 0 : refuse(ret_reason, "(not one of [gre vxlan])");
}

static int check_tunnel_id(const char *value, const char **ret_reason) {
        uint32_t id;

        return parse_u32(value, &id) < 0 || id > 16777215 ? refuse(ret_reason, "Not a vxlan id (0-16777215):") : 0;
}

static int check_port(const char *value, const char **ret_reason) {
        uint32_t port;

        return parse_u32(value, &port) < 0 || port > 65535 ? refuse(ret_reason, "Invalid port number") : 0;
}

static int check_ttl(const char *value, const char **ret_reason) {
        uint32_t ttl;

        return parse_u32(value, &ttl) < 0 || ttl > 255 ? refuse(ret_reason, "Not a TTL (0-255):") : 0;
}

static int check_interface_name(const char *value, const char **ret_reason) {
        return interface_name_is_valid(value) ? 0 : refuse(ret_reason, "Not an interface name:");
}

static const ConfigKey network_keys[] = {
        { "bridge.driver", check_driver, "native" },
        { "bridge.external_interfaces", check_interfaces },
        { "bridge.hwaddr", check_hwaddr },
        { "bridge.mode", check_bridge_mode, "standard" },
        { "bridge.mtu", check_mtu, "1500" },
        { "dns.domain", check_domain, "lxd" },
        { "dns.mode", check_dns_mode, "managed" },
        { "dns.search", check_domains },
        { "fan.*", check_fan },
        { "ipv4.address", check_bridge_ipv4, "auto" },
        { "ipv4.dhcp", check_boolean, "true" },
        { "ipv4.dhcp.expiry", check_lease_time, "1h" },
        { "ipv4.dhcp.gateway", check_host_ipv4 },
        { "ipv4.dhcp.ranges", check_ranges_ipv4 },
        { "ipv4.firewall", check_boolean, "true" },
        { "ipv4.nat", check_boolean, "false" },
        { "ipv4.nat.address", check_host_ipv4 },
        { "ipv4.nat.order", check_order, "before" },
        { "ipv4.routes", check_subnets_ipv4 },
        { "ipv4.routing", check_boolean, "true" },
        { "ipv6.address", check_bridge_ipv6, "auto" },
        { "ipv6.dhcp", check_boolean, "true" },
        { "ipv6.dhcp.expiry", check_lease_time, "1h" },
        { "ipv6.dhcp.ranges", check_ranges_ipv6 },
        { "ipv6.dhcp.stateful", check_boolean, "false" },
        { "ipv6.firewall", check_boolean, "true" },
        { "ipv6.nat", check_boolean, "false" },
        { "ipv6.nat.address", check_host_ipv6 },
        { "ipv6.nat.order", check_order, "before" },
        { "ipv6.routes", check_subnets_ipv6 },
        { "ipv6.routing", check_boolean, "true" },
        { "maas.*", check_maas },
        { "raw.dnsmasq", NULL, NULL, CONFIG_MULTILINE },
        { "user.*", NULL, NULL, CONFIG_MULTILINE },
        { "volatile.bridge.hwaddr", check_hwaddr, NULL, CONFIG_INTERNAL },
        {},
};

/* The options behind "tunnel.NAME.". */
static const ConfigKey tunnel_keys[] = {
        { "group", check_any_address, "239.0.0.1" },
        { "id", check_tunnel_id, "0" },
        { "interface", check_interface_name },
        { "local", check_any_address },
        { "port", check_port, "0" },
        { "protocol", check_tunnel_protocol },
        { "remote", check_any_address },
        { "ttl", check_ttl, "1" },
        {},
};

/* Splits "tunnel.NAME.option"; the name may not be empty and fits an interface name. Returns the option, or NULL. */
static const char *tunnel_option(const char *key, char name[static 16]) {
        const char *rest = startswith(key, "tunnel."), *dot = rest ? strchr(rest, '.') : NULL;

        if (!dot || dot == rest || dot - rest > 15)
                return NULL;
        memcpy(name, rest, (size_t) (dot - rest));
        name[dot - rest] = '\0';
        return dot + 1;
}

static const ConfigKey *find_key(const char *key) {
        char tunnel[16];
        const char *option = tunnel_option(key, tunnel);

        if (option)
                return interface_name_is_valid(tunnel) || strlen(tunnel) == 1 ? config_schema_find(tunnel_keys, option) : NULL;
        return config_schema_find(network_keys, key);
}

int network_name_check(const char *name, sd_bus_error *error) {
        if (isempty(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "No name provided");
        if (strlen(name) < 2)
                return bus_error_set(error, LXD_ERROR_INVALID, "Network interface is too short (minimum 2 characters)");
        if (strlen(name) > 15)
                return bus_error_set(error, LXD_ERROR_INVALID, "Network interface is too long (maximum 15 characters)");
        if (!interface_name_is_valid(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "Network interface contains invalid characters");
        return 0;
}

static int check_item(const char *name, const ConfigItem *item, sd_bus_error *error) {
        const ConfigKey *key = find_key(item->key);
        const char *reason = NULL;

        if (!key)
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid option for network \"%s\" option \"%s\"", name,
                                     item->key);
        if (isempty(item->value))
                return 0;
        if (!text_is_valid(item->value, key->flags & CONFIG_MULTILINE))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Invalid value for network \"%s\" option \"%s\": control characters are not allowed", name,
                                     item->key);
        if (!key->check || key->check(item->value, &reason) >= 0)
                return 0;
        if (reason && reason[0] == '(')
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Invalid value for network \"%s\" option \"%s\": Invalid value \"%s\" %s", name, item->key,
                                     item->value, reason);
        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid value for network \"%s\" option \"%s\": %s \"%s\"", name,
                             item->key, reason ?: "Invalid value", item->value);
}

/* What is leased must be in the subnet, and be handed out at all. */
static int check_family(const char *name, const Config *config, int family, sd_bus_error *error) {
        const char *ranges = network_config_family_get(config, family, "dhcp.ranges");
        _cleanup_strv_free_ Strv items = NULL;
        char network[INET_TEXT_MAX];
        InetPrefix p, a, b;

        network_config_address(config, family, &p);
        if (!p.family)
                return 0;
        if (family == AF_INET6 && p.length < 64 && config_is_true(config, "ipv6.dhcp.stateful"))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Invalid value for network \"%s\" option \"ipv6.address\": stateful DHCP needs a prefix "
                                     "length of at least 64, not %u", name, p.length);
        if (isempty(ranges))
                return 0;
        if (strv_split(ranges, ",", &items) < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Out of memory");
        STRV_FOREACH(i, items)
                if (inet_parse_range(family, *i, &a, &b) < 0 || !inet_contains(&p, &a) || !inet_contains(&p, &b))
                        return bus_error_set(error, LXD_ERROR_INVALID,
                                             "Invalid value for network \"%s\" option \"%s.dhcp.ranges\": the range \"%s\" is not "
                                             "inside of the subnet %s", name, family == AF_INET ? "ipv4" : "ipv6", *i,
                                             inet_format_network(&p, network));
        return 0;
}

static int check_tunnel(const char *name, const Config *config, const char *tunnel, sd_bus_error *error) {
        const char *protocol = network_config_tunnel_get(config, tunnel, "protocol");
        const char *local = network_config_tunnel_get(config, tunnel, "local");
        const char *remote = network_config_tunnel_get(config, tunnel, "remote");
        InetPrefix a, b;

        if (strlen(name) + strlen(tunnel) + 1 > 15)
                return bus_error_set(error, LXD_ERROR_INVALID, "Network name too long for tunnel interface: %s-%s", name, tunnel);
        if (isempty(protocol))
                return bus_error_set(error, LXD_ERROR_INVALID, "The tunnel \"%s\" of network \"%s\" needs tunnel.%s.protocol",
                                     tunnel, name, tunnel);
        if (streq(protocol, "gre") && (isempty(local) || isempty(remote)))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "The gre tunnel \"%s\" of network \"%s\" needs both tunnel.%s.local and tunnel.%s.remote",
                                     tunnel, name, tunnel, tunnel);
        if (!isempty(local) && !isempty(remote) && inet_parse(AF_UNSPEC, local, &a) >= 0 &&
            inet_parse(AF_UNSPEC, remote, &b) >= 0 && a.family != b.family)
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "The ends of tunnel \"%s\" of network \"%s\" are of different address families: %s and %s",
                                     tunnel, name, local, remote);
        return 0;
}

int network_config_check(const char *name, const Config *config, sd_bus_error *error) {
        _cleanup_strv_free_ Strv tunnels = NULL;
        int r;

        CONFIG_FOREACH(i, config) {
                r = check_item(name, i, error);
                if (r < 0)
                        return r;
        }
        r = check_family(name, config, AF_INET, error);
        if (r < 0)
                return r;
        r = check_family(name, config, AF_INET6, error);
        if (r < 0)
                return r;
        r = network_config_tunnels(config, &tunnels);
        if (r < 0)
                return bus_error_ensure(error, r);
        STRV_FOREACH(t, tunnels) {
                r = check_tunnel(name, config, *t, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

const char *network_config_family_get(const Config *config, int family, const char *key) {
        char full[64];
        const char *value;

        (void) snprintf(full, sizeof(full), "%s.%s", family == AF_INET ? "ipv4" : "ipv6", key);
        value = config_get(config, full);
        return isempty(value) ? NULL : value;
}

bool network_config_family_bool(const Config *config, int family, const char *key, bool fallback) {
        const char *value = network_config_family_get(config, family, key);

        return value ? str_is_true(value) : fallback;
}

void network_config_address(const Config *config, int family, InetPrefix *ret) {
        const char *value = network_config_family_get(config, family, "address");

        if (!value || inet_parse_cidr(family, value, ret) < 0)
                *ret = (InetPrefix) {};
}

int network_config_tunnels(const Config *config, Strv *ret) {
        _cleanup_strv_free_ Strv v = NULL;
        int r;

        CONFIG_FOREACH(i, config) {
                char name[16];

                if (!tunnel_option(i->key, name) || strv_contains(v, name))
                        continue;
                r = strv_extend(&v, name);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

const char *network_config_tunnel_get(const Config *config, const char *tunnel, const char *key) {
        char full[64];
        const char *value;

        (void) snprintf(full, sizeof(full), "tunnel.%s.%s", tunnel, key);
        value = config_get(config, full);
        return isempty(value) ? NULL : value;
}
