/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a network's dnsmasq. */
#include "dnsmasq.h"

#include <stdio.h>

static bool has_address(const Config *config, const char *key) {
        const char *value = config_get(config, key);

        return !isempty(value) && !streq(value, "none");
}

bool dnsmasq_wanted(const Config *config) {
        return has_address(config, "ipv4.address") || has_address(config, "ipv6.address");
}

/* A boolean with default true. */
static bool is_on(const Config *config, const char *key) {
        const char *value = config_get(config, key);

        return isempty(value) || str_is_true(value);
}

/* One dhcp-range line for each "A-B" of the list, or for the whole subnet without network, broadcast and our own address. */
static int write_ranges(FILE *f, const Config *config, const InetPrefix *p, const char *ranges_key, const char *expiry,
                        const char *options) {
        const char *ranges = config_get(config, ranges_key);
        _cleanup_strv_free_ Strv items = NULL;
        char first[INET_TEXT_MAX], last[INET_TEXT_MAX];
        InetPrefix a, b;
        int r;

        if (isempty(ranges)) {
                InetPrefix network = inet_first(p), end = inet_last(p);

                a = inet_add(&network, 2);
                b = p->family == AF_INET ? inet_add(&end, -1) : end;
                if (inet_compare(&a, &b) > 0)
                        a = b; /* a subnet of two addresses: the other one */
                fprintf(f, "dhcp-range=%s,%s%s,%s\n", inet_format(&a, first), inet_format(&b, last), options, expiry);
                return 0;
        }
        r = strv_split(ranges, ",", &items);
        if (r < 0)
                return r;
        STRV_FOREACH(i, items) {
                r = inet_parse_range(p->family, *i, &a, &b);
                if (r < 0)
                        return r;
                fprintf(f, "dhcp-range=%s,%s%s,%s\n", inet_format(&a, first), inet_format(&b, last), options, expiry);
        }
        return 0;
}

static int write_ipv4(FILE *f, const Config *config) {
        const char *gateway = config_get(config, "ipv4.dhcp.gateway"), *mtu = config_get(config, "bridge.mtu");
        const char *search = config_get(config, "dns.search");
        char text[INET_TEXT_MAX];
        InetPrefix p;
        int r;

        if (!has_address(config, "ipv4.address"))
                return 0;
        r = inet_parse_cidr(AF_INET, config_get(config, "ipv4.address"), &p);
        if (r < 0)
                return r;
        fprintf(f, "\nlisten-address=%s\n", inet_format(&p, text));
        if (!is_on(config, "ipv4.dhcp"))
                return 0;
        fputs("dhcp-authoritative\ndhcp-rapid-commit\ndhcp-no-override\nno-ping\n", f);
        r = write_ranges(f, config, &p, "ipv4.dhcp.ranges", config_get_or(config, "ipv4.dhcp.expiry", "1h"), "");
        if (r < 0)
                return r;
        if (!isempty(gateway))
                fprintf(f, "dhcp-option-force=3,%s\n", gateway);
        if (!isempty(mtu) && !streq(mtu, "1500"))
                fprintf(f, "dhcp-option-force=26,%s\n", mtu);
        if (!isempty(search))
                fprintf(f, "dhcp-option-force=119,%s\n", search);
        return 0;
}

static int write_ipv6(FILE *f, const char *name, const Config *config) {
        const char *expiry = config_get_or(config, "ipv6.dhcp.expiry", "1h"), *search = config_get(config, "dns.search");
        char text[INET_TEXT_MAX], options[8];
        InetPrefix p;
        int r;

        if (!has_address(config, "ipv6.address"))
                return 0;
        r = inet_parse_cidr(AF_INET6, config_get(config, "ipv6.address"), &p);
        if (r < 0)
                return r;
        fprintf(f, "\nlisten-address=%s\nenable-ra\n", inet_format(&p, text));
        if (is_on(config, "ipv6.dhcp") && config_is_true(config, "ipv6.dhcp.stateful")) {
                (void) snprintf(options, sizeof(options), ",%u", p.length);
                r = write_ranges(f, config, &p, "ipv6.dhcp.ranges", expiry, options);
                if (r < 0)
                        return r;
        } else if (p.length != 64)
                ; /* addresses cannot be made from such a prefix: nothing to advertise */
        else if (is_on(config, "ipv6.dhcp"))
                fprintf(f, "dhcp-range=::,constructor:%s,ra-stateless,ra-names\n", name);
        else
                fprintf(f, "dhcp-range=::,constructor:%s,ra-only\n", name);
        if (!isempty(search))
                fprintf(f, "dhcp-option-force=option6:domain-search,%s\n", search);
        return 0;
}

static void write_dns(FILE *f, const char *name, const Config *config) {
        const char *domain = config_get_or(config, "dns.domain", "lxd"), *mode = config_get_or(config, "dns.mode", "managed");

        fputc('\n', f);
        if (streq(mode, "none")) {
                /* Leases get no names, whatever the client says. */
                fputs("dhcp-ignore-names\n", f);
                return;
        }
        fprintf(f, "domain=%s\nlocal=/%s/\ninterface-name=_gateway.%s,%s\n", domain, domain, domain, name);
        if (streq(mode, "managed"))
                /* Only names from our reservations count: no guest takes the name of another. */
                fputs("dhcp-ignore-names=tag:!known\n", f);
}

int dnsmasq_build(const char *name, const Config *config, const DnsmasqPaths *paths, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f;
        int r;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        fprintf(f,
                "# DHCP and DNS of the network \"%s\". Written by lxd-netd; set raw.dnsmasq to add to it.\n"
                "interface=%s\nexcept-interface=lo\nbind-interfaces\nstrict-order\nno-hosts\n"
                "quiet-dhcp\nquiet-dhcp6\nquiet-ra\n"
                "dhcp-leasefile=%s/dnsmasq.leases\ndhcp-hostsdir=%s/hosts\n",
                name, name, paths->state, paths->run);
        r = write_ipv4(f, config);
        if (r >= 0)
                r = write_ipv6(f, name, config);
        if (r >= 0) {
                write_dns(f, name, config);
                if (!isempty(config_get(config, "raw.dnsmasq")))
                        fprintf(f, "\n# raw.dnsmasq\n%s\n", config_get(config, "raw.dnsmasq"));
        }
        if (fclose(f) != 0 || !text)
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

int dnsmasq_build_host(const DnsmasqHost *host, char **ret) {
        return str_format(ret, "%s%s%s%s%s%s,%s\n", host->hwaddr, host->ipv4 ? "," : "", strempty(host->ipv4),
                          host->ipv6 ? ",[" : "", strempty(host->ipv6), host->ipv6 ? "]" : "", host->name);
}
