/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a guest's interface. */
#include "nic-config.h"

#include "bus-error.h"
#include "config-schema.h"
#include "network-config.h"

static int refuse(const char **ret_reason, const char *reason) {
        *ret_reason = reason;
        return -EINVAL;
}

int parse_bits(const char *s, uint64_t *ret) {
        static const struct {
                const char *suffix;
                uint64_t factor;
        } units[] = {
                { "", 1 },           { "bit", 1 },           { "kbit", 1000 },          { "Mbit", 1000000 },       { "Gbit", 1000000000 },
                { "Tbit", 1000000000000 }, { "Pbit", 1000000000000000 }, { "Kibit", 1ULL << 10 }, { "Mibit", 1ULL << 20 },
                { "Gibit", 1ULL << 30 }, { "Tibit", 1ULL << 40 },  { "Pibit", 1ULL << 50 },
        };
        size_t digits = strspn(s, "0123456789");
        char number[24];
        uint64_t value;

        if (s[0] == '\0') {
                *ret = 0;
                return 0;
        }
        if (digits == 0 || digits >= sizeof(number))
                return -EINVAL;
        memcpy(number, s, digits);
        number[digits] = '\0';
        if (parse_u64(number, &value) < 0)
                return -ERANGE;
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (streq(s + digits, units[i].suffix))
                        return __builtin_mul_overflow(value, units[i].factor, ret) ? -ERANGE : 0;
        return -EINVAL;
}

static int check_bits(const char *value, const char **ret_reason) {
        uint64_t bits;

        return parse_bits(value, &bits) < 0 ? refuse(ret_reason, "not a number of bits per second such as 10Mbit or 1Gbit") : 0;
}

static int check_boolean(const char *value, const char **ret_reason) {
        bool b;

        return parse_bool(value, &b) < 0 ? refuse(ret_reason, "not a boolean") : 0;
}

static int check_hwaddr(const char *value, const char **ret_reason) {
        uint8_t a[6];

        return hwaddr_parse(value, a) < 0 || (a[0] & 1) ? refuse(ret_reason, "not a MAC address such as 00:16:3e:01:02:03") : 0;
}

static int check_address(int family, const char *value, const char **ret_reason) {
        InetPrefix p;

        return streq(value, "none") || inet_parse(family, value, &p) >= 0
                               ? 0
                               : refuse(ret_reason, family == AF_INET ? "not an IPv4 address" : "not an IPv6 address");
}

static int check_ipv4_address(const char *value, const char **ret_reason) {
        return check_address(AF_INET, value, ret_reason);
}

static int check_ipv6_address(const char *value, const char **ret_reason) {
        return check_address(AF_INET6, value, ret_reason);
}

static int check_routes(int family, const char *value, const char **ret_reason) {
        _cleanup_free_ InetPrefix *list = NULL;
        size_t n;

        if (inet_parse_list(family, value, &list, &n) < 0)
                return refuse(ret_reason, family == AF_INET ? "not a list of IPv4 subnets" : "not a list of IPv6 subnets");
        for (size_t i = 0; i < n; i++)
                if (list[i].length == 0)
                        return refuse(ret_reason, "all traffic of the host cannot go to one instance");
        return 0;
}

static int check_ipv4_routes(const char *value, const char **ret_reason) {
        return check_routes(AF_INET, value, ret_reason);
}

static int check_ipv6_routes(const char *value, const char **ret_reason) {
        return check_routes(AF_INET6, value, ret_reason);
}

static int check_mtu(const char *value, const char **ret_reason) {
        uint32_t mtu;

        return parse_u32(value, &mtu) < 0 || mtu < 68 || mtu > 65535 ? refuse(ret_reason, "not an MTU (68-65535)") : 0;
}

static int check_name(const char *value, const char **ret_reason) {
        return interface_name_is_valid(value) ? 0 : refuse(ret_reason, "not an interface name (2 to 15 letters, digits, - _ .)");
}

static int check_maas(const char *value, const char **ret_reason) {
        return refuse(ret_reason, "MAAS is not supported");
}

static const ConfigKey nic_keys[] = {
        { "boot.priority", check_uint },
        { "host_name", check_name, NULL },
        { "hwaddr", check_hwaddr },
        { "ipv4.address", check_ipv4_address, NULL, CONFIG_LIVE },
        { "ipv4.routes", check_ipv4_routes, NULL, CONFIG_LIVE },
        { "ipv6.address", check_ipv6_address, NULL, CONFIG_LIVE },
        { "ipv6.routes", check_ipv6_routes, NULL, CONFIG_LIVE },
        { "limits.egress", check_bits, NULL, CONFIG_LIVE },
        { "limits.ingress", check_bits, NULL, CONFIG_LIVE },
        { "limits.max", check_bits, NULL, CONFIG_LIVE },
        { "maas.*", check_maas },
        { "mtu", check_mtu },
        { "name", check_name },
        { "network", check_name },
        { "nictype", NULL },
        { "parent", check_name },
        { "security.ipv4_filtering", check_boolean, NULL, CONFIG_LIVE },
        { "security.ipv6_filtering", check_boolean, NULL, CONFIG_LIVE },
        { "security.mac_filtering", check_boolean, NULL, CONFIG_LIVE },
        { "security.port_isolation", check_boolean },
        { "type", NULL },
        {},
};

static const char *const kind_names[_NIC_KIND_MAX] = {
        [NIC_BRIDGED] = "bridged",
        [NIC_P2P] = "p2p",
        [NIC_MACVLAN] = "macvlan",
};

/* What only some kinds have; the rest is common to all. */
static const struct {
        const char *key;
        unsigned kinds;
} kind_keys[] = {
        { "host_name", 1 << NIC_BRIDGED | 1 << NIC_P2P },     { "ipv4.address", 1 << NIC_BRIDGED },
        { "ipv4.routes", 1 << NIC_BRIDGED | 1 << NIC_P2P },   { "ipv6.address", 1 << NIC_BRIDGED },
        { "ipv6.routes", 1 << NIC_BRIDGED | 1 << NIC_P2P },   { "limits.egress", 1 << NIC_BRIDGED | 1 << NIC_P2P },
        { "limits.ingress", 1 << NIC_BRIDGED | 1 << NIC_P2P }, { "limits.max", 1 << NIC_BRIDGED | 1 << NIC_P2P },
        { "network", 1 << NIC_BRIDGED },                      { "parent", 1 << NIC_BRIDGED | 1 << NIC_MACVLAN },
        { "security.ipv4_filtering", 1 << NIC_BRIDGED },      { "security.ipv6_filtering", 1 << NIC_BRIDGED },
        { "security.mac_filtering", 1 << NIC_BRIDGED },       { "security.port_isolation", 1 << NIC_BRIDGED },
};

NicKind nic_config_kind(const Config *config) {
        const char *nictype = config_get_or(config, "nictype", "");

        for (NicKind k = 0; k < _NIC_KIND_MAX; k++)
                if (streq(nictype, kind_names[k]))
                        return k;
        return NIC_BRIDGED;
}

static int check_kind_keys(const char *device, const Config *config, NicKind kind, sd_bus_error *error) {
        for (size_t i = 0; i < ELEMENTSOF(kind_keys); i++)
                if (!isempty(config_get(config, kind_keys[i].key)) && !(kind_keys[i].kinds & (1U << kind)))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Device \"%s\": a NIC of type \"%s\" has no option \"%s\"", device,
                                             kind_names[kind], kind_keys[i].key);
        return 0;
}

/* A managed network decides what its interfaces are. */
static int check_network(const char *device, const Config *config, sd_bus_error *error) {
        static const char *const decided[] = { "nictype", "parent", "mtu" };

        for (size_t i = 0; i < ELEMENTSOF(decided); i++)
                if (!isempty(config_get(config, decided[i])))
                        return bus_error_set(error, LXD_ERROR_INVALID,
                                             "Device \"%s\": cannot use \"%s\" property in conjunction with \"network\" property", device,
                                             decided[i]);
        return 0;
}

static int check_kind(const char *device, const Config *config, sd_bus_error *error) {
        const char *nictype = config_get_or(config, "nictype", "");
        NicKind kind = nic_config_kind(config);

        if (!isempty(nictype) && !streq(nictype, kind_names[kind]))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "Device \"%s\": NIC type \"%s\" is not supported; \"bridged\", \"macvlan\" and \"p2p\" are", device,
                                     nictype);
        if (!isempty(config_get(config, "network")))
                return check_network(device, config, error);
        if (kind != NIC_P2P && isempty(config_get(config, "parent")))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     kind == NIC_BRIDGED ? "Device \"%s\" needs \"network\" (a managed network) or \"parent\" (a bridge of this host)"
                                                         : "Device \"%s\" needs \"parent\" (an interface of this host)", device);
        return check_kind_keys(device, config, kind, error);
}

int nic_config_check(const char *device, const Config *config, sd_bus_error *error) {
        CONFIG_FOREACH(i, config) {
                const ConfigKey *key = config_schema_find(nic_keys, i->key);
                const char *reason = NULL;

                if (!key)
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid device option \"%s\"", i->key);
                if (isempty(i->value))
                        continue;
                if (!text_is_valid(i->value, false))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid value for device option \"%s\": control characters", i->key);
                if (key->check && key->check(i->value, &reason) < 0)
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid value for device option \"%s\": \"%s\" is %s", i->key,
                                             i->value, reason ?: "not valid");
        }
        return check_kind(device, config, error);
}

void nic_config_limits(const Config *config, uint64_t *ret_ingress, uint64_t *ret_egress) {
        const char *max = config_get_or(config, "limits.max", "");
        const char *ingress = config_get_or(config, "limits.ingress", ""), *egress = config_get_or(config, "limits.egress", "");

        *ret_ingress = *ret_egress = 0;
        (void) parse_bits(isempty(max) ? ingress : max, ret_ingress);
        (void) parse_bits(isempty(max) ? egress : max, ret_egress);
}

bool nic_config_filters(const Config *config) {
        return config_is_true(config, "security.mac_filtering") || config_is_true(config, "security.ipv4_filtering") ||
               config_is_true(config, "security.ipv6_filtering");
}

/* The reserved address and the routed subnets. */
static int allowed_sources(const Nic *nic, int family, const char *address, InetPrefix **ret, size_t *ret_n) {
        _cleanup_free_ InetPrefix *routes = NULL, *list = NULL;
        size_t n = 0;
        int r;

        r = inet_parse_list(family, network_config_family_get(&nic->config, family, "routes") ?: "", &routes, &n);
        if (r < 0)
                return r;
        list = calloc(n + 1, sizeof(InetPrefix));
        if (!list)
                return -ENOMEM;
        if (isempty(address)) {
                *ret = TAKE_PTR(list);
                *ret_n = 0;
                return 0;
        }
        r = inet_parse(family, address, list);
        if (r < 0)
                return r;
        if (n > 0)
                memcpy(list + 1, routes, n * sizeof(InetPrefix));
        *ret = TAKE_PTR(list);
        *ret_n = n + 1;
        return 0;
}

int nic_fill_firewall(const Nic *nic, FirewallNic *ret, InetPrefix **allowed) {
        FirewallNic f = { .host_name = nic->host_name };
        uint64_t ingress;
        int r;

        r = hwaddr_parse(nic->hwaddr, f.hwaddr);
        if (r < 0)
                return r;
        nic_config_limits(&nic->config, &ingress, &f.egress);
        f.routed = nic_config_kind(&nic->config) == NIC_P2P;
        f.filter_hwaddr = nic_config_filters(&nic->config);
        f.family[0].filter = config_is_true(&nic->config, "security.ipv4_filtering");
        f.family[1].filter = config_is_true(&nic->config, "security.ipv6_filtering");
        r = allowed_sources(nic, AF_INET, nic->ipv4, &allowed[0], &f.family[0].n_allowed);
        if (r >= 0)
                r = allowed_sources(nic, AF_INET6, nic->ipv6, &allowed[1], &f.family[1].n_allowed);
        if (r < 0) {
                allowed[0] = (free(allowed[0]), NULL);
                return r;
        }
        f.family[0].allowed = allowed[0];
        f.family[1].allowed = allowed[1];
        *ret = f;
        return 0;
}
