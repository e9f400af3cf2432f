/* SPDX-License-Identifier: Apache-2.0 */
/* The ruleset: everything we want in the kernel's packet filter, as nftables text. Pure: text from values.
 *
 * All rules live in two tables of our own, "inet lxd" (NAT, forwarding, input) and "bridge lxd" (what one guest may send). They are
 * always replaced as a whole and in one transaction, so there is no state to diverge from and never a moment without filters. */
#pragma once

#include "inet.h"

/* One address family of a network. */
typedef struct FirewallFamily {
        InetPrefix address;     /* of the bridge; family 0 = the network has none */
        bool nat, nat_after;    /* masquerade; after the rules of others instead of before */
        InetPrefix nat_address; /* family 0 = masquerade with whatever leaves */
        bool filter;            /* accept forwarding and services */
        bool routing;           /* false: forwarding is refused */
        bool dhcp;
} FirewallFamily;

typedef struct FirewallNetwork {
        const char *bridge;
        FirewallFamily family[2]; /* IPv4, IPv6 */
} FirewallNetwork;

/* One guest's interface. */
typedef struct FirewallNic {
        const char *host_name;
        uint8_t hwaddr[6];
        bool filter_hwaddr;
        struct {
                bool filter;
                const InetPrefix *allowed; /* sources; none at all = the family is blocked */
                size_t n_allowed;
        } family[2];              /* IPv4, IPv6 */
        uint64_t egress;          /* bits per second that the guest may send, 0 = no limit */
        bool routed;              /* in no bridge: only the limit applies */
} FirewallNic;

typedef struct FirewallSpec {
        const FirewallNetwork *networks;
        size_t n_networks;
        const FirewallNic *nics;
        size_t n_nics;
        bool had_nics; /* the ruleset in the kernel has a bridge table that may have to go */
} FirewallSpec;

/* Does this interface need rules? */
bool firewall_nic_wanted(const FirewallNic *nic);
/* The ruleset, "" when there is nothing to say (nor to take back). 0, -ENOMEM. */
int firewall_build(const FirewallSpec *spec, char **ret);
