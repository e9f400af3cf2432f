/* SPDX-License-Identifier: Apache-2.0 */
/* The ruleset: everything we want in the kernel's packet filter, as nftables text. */
#include "firewall.h"

#include <stdio.h>

static const char *const family_name[2] = { "ipv4", "ipv6" };
static const char *const family_expression[2] = { "ip", "ip6" };

static void write_nat(FILE *f, const FirewallSpec *spec, bool after) {
        char network[INET_TEXT_MAX], address[INET_TEXT_MAX];

        fprintf(f, "\tchain %s {\n\t\ttype nat hook postrouting priority %s; policy accept;\n",
                after ? "postrouting.after" : "postrouting.before", after ? "srcnat + 10" : "srcnat - 10");
        for (size_t i = 0; i < spec->n_networks; i++)
                for (size_t k = 0; k < 2; k++) {
                        const FirewallFamily *x = spec->networks[i].family + k;

                        if (!x->address.family || !x->nat || x->nat_after != after)
                                continue;
                        inet_format_network(&x->address, network);
                        fprintf(f, "\t\t%s saddr %s %s daddr != %s ", family_expression[k], network, family_expression[k],
                                network);
                        if (x->nat_address.family)
                                fprintf(f, "snat %s to %s\n", family_expression[k], inet_format(&x->nat_address, address));
                        else
                                fputs("masquerade\n", f);
                }
        fputs("\t}\n", f);
}

static void write_forward(FILE *f, const FirewallNetwork *n) {
        fprintf(f, "\tchain fwd.%s {\n\t\ttype filter hook forward priority filter; policy accept;\n", n->bridge);
        for (size_t k = 0; k < 2; k++) {
                const FirewallFamily *x = n->family + k;
                const char *verdict = x->routing ? "accept" : "reject";

                if (!x->address.family || (x->routing && !x->filter))
                        continue;
                fprintf(f, "\t\tmeta nfproto %s iifname \"%s\" %s\n", family_name[k], n->bridge, verdict);
                fprintf(f, "\t\tmeta nfproto %s oifname \"%s\" %s\n", family_name[k], n->bridge, verdict);
        }
        fputs("\t}\n", f);
}

/* What a guest needs of the host. The other direction is never blocked by us. */
static void write_input(FILE *f, const FirewallNetwork *n) {
        fprintf(f, "\tchain in.%s {\n\t\ttype filter hook input priority filter; policy accept;\n", n->bridge);
        for (size_t k = 0; k < 2; k++) {
                const FirewallFamily *x = n->family + k;

                if (!x->address.family || !x->filter)
                        continue;
                fprintf(f, "\t\tiifname \"%s\" meta nfproto %s meta l4proto { tcp, udp } th dport 53 accept\n", n->bridge,
                        family_name[k]);
                if (k == 0)
                        fprintf(f, "\t\tiifname \"%s\" icmp type { destination-unreachable, time-exceeded, parameter-problem }"
                                " accept\n", n->bridge);
                else
                        fprintf(f, "\t\tiifname \"%s\" icmpv6 type { destination-unreachable, packet-too-big, time-exceeded,"
                                " parameter-problem, nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert,"
                                " mld2-listener-report } accept\n", n->bridge);
                if (x->dhcp)
                        fprintf(f, "\t\tiifname \"%s\" meta nfproto %s udp dport %s accept\n", n->bridge, family_name[k],
                                k == 0 ? "67" : "547");
        }
        fputs("\t}\n", f);
}

bool firewall_nic_wanted(const FirewallNic *nic) {
        return nic->filter_hwaddr || nic->family[0].filter || nic->family[1].filter || nic->egress > 0;
}

static void write_set(FILE *f, const InetPrefix *items, size_t n) {
        char text[INET_TEXT_MAX];

        for (size_t i = 0; i < n; i++)
                fprintf(f, "%s%s", i > 0 ? ", " : "",
                        items[i].length == inet_size(items[i].family) * 8 ? inet_format(items + i, text)
                                                                          : inet_format_network(items + i, text));
}

/* No other hardware address, neither in the frame nor in what ARP and neighbour discovery announce. */
static void write_nic_hwaddr(FILE *f, const FirewallNic *nic) {
        const uint8_t *a = nic->hwaddr;
        char text[HWADDR_TEXT_MAX], hex[13];

        hwaddr_format(a, text);
        (void) snprintf(hex, sizeof(hex), "%02x%02x%02x%02x%02x%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
        fprintf(f, "\t\tether saddr != %s drop\n\t\tarp saddr ether != %s drop\n", text, text);
        /* Neighbour discovery carries it in an option. There may be only one (a second could hide a lie), right behind the fixed part
         * (no extension headers, which would move it): 24 bytes, for router solicitations 8, into the ICMPv6 message. */
        fprintf(f,
                "\t\tether type ip6 @nh,48,8 != 58 icmpv6 type { 133, 134, 135, 136, 137 } drop\n"
                "\t\tether type ip6 icmpv6 type { 135, 136 } meta length > 72 drop\n"
                "\t\tether type ip6 icmpv6 type 135 meta length > 71 @nh,512,8 1 @nh,528,48 != 0x%1$s drop\n"
                "\t\tether type ip6 icmpv6 type 136 meta length > 71 @nh,512,8 2 @nh,528,48 != 0x%1$s drop\n"
                "\t\tether type ip6 icmpv6 type 133 meta length > 56 drop\n"
                "\t\tether type ip6 icmpv6 type 133 meta length > 55 @nh,400,48 != 0x%1$s drop\n",
                hex);
        /* DHCP has it 28 bytes behind the UDP header: a server believes that, and would take another's lease away. */
        fprintf(f, "\t\tether type ip udp dport 67 @th,288,48 != 0x%s drop\n", hex);
}

static void write_nic_ipv4(FILE *f, const FirewallNic *nic) {
        if (nic->family[0].n_allowed == 0) {
                fputs("\t\tether type { arp, ip } drop\n", f);
                return;
        }
        fputs("\t\tarp saddr ip != { ", f);
        write_set(f, nic->family[0].allowed, nic->family[0].n_allowed);
        fputs(" } drop\n\t\tip saddr 0.0.0.0 ip daddr 255.255.255.255 udp dport 67 accept\n"
              "\t\tether type ip udp dport 68 drop\n\t\tip saddr != { ", f); /* 68: no DHCP server in a guest */
        write_set(f, nic->family[0].allowed, nic->family[0].n_allowed);
        fputs(" } drop\n", f);
}

/* The address that the hardware address gives on the link. */
static InetPrefix link_local(const uint8_t a[static 6]) {
        return (InetPrefix) {
                .family = AF_INET6,
                .length = 128,
                .address = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, a[0] ^ 2, a[1], a[2], 0xff, 0xfe, a[3], a[4], a[5] },
        };
}

/* What matches may be about these addresses only: its target, 8 bytes into the ICMPv6 message. */
static void write_nic_targets(FILE *f, const char *match, const InetPrefix *const *targets, size_t n) {
        for (size_t i = 0; i < n; i++) {
                fprintf(f, "\t\tether type ip6 %s @nh,384,128 0x", match);
                for (size_t k = 0; k < 16; k++)
                        fprintf(f, "%02x", targets[i]->address[k]);
                fputs(" return\n", f);
        }
        fprintf(f, "\t\tether type ip6 %s drop\n", match);
}

static void write_nic_ipv6(FILE *f, const FirewallNic *nic) {
        InetPrefix local = link_local(nic->hwaddr);
        const InetPrefix *targets[2] = { &local, nic->family[1].allowed };
        char text[INET_TEXT_MAX];

        if (nic->family[1].n_allowed == 0) {
                fputs("\t\tether type ip6 drop\n", f);
                return;
        }
        /* Router advertisements, redirects and DHCPv6 servers are not for guests. */
        fputs("\t\tether type ip6 icmpv6 type { 134, 137 } drop\n"
              "\t\tether type ip6 udp dport 546 drop\n"
              "\t\tip6 saddr fe80::/10 ip6 daddr ff02::1:2 udp dport 547 accept\n"
              "\t\tip6 saddr fe80::/10 ip6 daddr ff02::2 icmpv6 type nd-router-solicit accept\n"
              "\t\tip6 saddr != { ::, ", f);
        fputs(inet_format(&local, text), f);
        fputs(", ", f);
        write_set(f, nic->family[1].allowed, nic->family[1].n_allowed);
        fputs(" } drop\n", f);
        /* Only our own addresses are advertised, or asked for without an address, which keeps others from taking them. */
        write_nic_targets(f, "icmpv6 type nd-neighbor-advert", targets, ELEMENTSOF(targets));
        write_nic_targets(f, "ip6 saddr :: icmpv6 type nd-neighbor-solicit", targets, ELEMENTSOF(targets));
}

static void write_limit(FILE *f, const FirewallNic *nic) {
        fprintf(f, "limit rate over %" PRIu64 " bytes/second burst %" PRIu64 " bytes drop\n", MAX(nic->egress / 8, (uint64_t) 1),
                MAX(nic->egress / 8 / 10, (uint64_t) 131072));
}

static void write_nic(FILE *f, const FirewallNic *nic) {
        fprintf(f, "\tchain nic.%s {\n", nic->host_name);
        if (nic->filter_hwaddr || nic->family[0].filter || nic->family[1].filter)
                write_nic_hwaddr(f, nic);
        if (nic->family[0].filter || nic->family[1].filter)
                fputs("\t\tether type { 8021q, 8021ad } drop\n", f); /* a tag would hide what is inside */
        /* The limit comes before a family's rules, because those end the chain for good packets too. */
        if (nic->egress > 0) {
                fputs("\t\t", f);
                write_limit(f, nic);
        }
        if (nic->family[0].filter)
                write_nic_ipv4(f, nic);
        if (nic->family[1].filter)
                write_nic_ipv6(f, nic);
        fputs("\t}\n", f);
}

/* Guests outside of bridges: what comes from them meets the host's routing first. */
static void write_routed(FILE *f, const FirewallSpec *spec) {
        fputs("\tchain prerouting.limits {\n\t\ttype filter hook prerouting priority raw; policy accept;\n", f);
        for (size_t i = 0; i < spec->n_nics; i++)
                if (spec->nics[i].routed && spec->nics[i].egress > 0) {
                        fprintf(f, "\t\tiifname \"%s\" ", spec->nics[i].host_name);
                        write_limit(f, spec->nics + i);
                }
        fputs("\t}\n", f);
}

static bool in_bridge(const FirewallNic *nic) {
        return !nic->routed && firewall_nic_wanted(nic);
}

static void write_bridge(FILE *f, const FirewallSpec *spec) {
        bool any = false;

        for (size_t i = 0; i < spec->n_nics; i++)
                any = any || in_bridge(spec->nics + i);
        if (!any && !spec->had_nics)
                return; /* a kernel without bridge filtering need not know */
        fputs("table bridge lxd\ndelete table bridge lxd\n", f);
        if (!any)
                return;
        fputs("table bridge lxd {\n", f);
        for (size_t i = 0; i < spec->n_nics; i++)
                if (in_bridge(spec->nics + i))
                        write_nic(f, spec->nics + i);
        fputs("\tchain prerouting {\n\t\ttype filter hook prerouting priority -300; policy accept;\n\t\tiifname vmap { ", f);
        for (size_t i = 0, n = 0; i < spec->n_nics; i++)
                if (in_bridge(spec->nics + i))
                        fprintf(f, "%s\"%s\" : jump nic.%s", n++ > 0 ? ", " : "", spec->nics[i].host_name,
                                spec->nics[i].host_name);
        fputs(" }\n\t}\n}\n", f);
}

int firewall_build(const FirewallSpec *spec, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        bool routed = false;
        FILE *f;

        for (size_t i = 0; i < spec->n_nics; i++)
                routed = routed || (spec->nics[i].routed && spec->nics[i].egress > 0);
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        fputs("table inet lxd\ndelete table inet lxd\n", f);
        if (spec->n_networks > 0 || routed) {
                fputs("table inet lxd {\n", f);
                write_nat(f, spec, false);
                write_nat(f, spec, true);
                if (routed)
                        write_routed(f, spec);
                for (size_t i = 0; i < spec->n_networks; i++) {
                        write_forward(f, spec->networks + i);
                        write_input(f, spec->networks + i);
                }
                fputs("}\n", f);
        }
        write_bridge(f, spec);
        if (fclose(f) != 0 || !text)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}
