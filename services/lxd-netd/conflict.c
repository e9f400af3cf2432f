/* SPDX-License-Identifier: Apache-2.0 */
/* What else filters packets on this host. */
#include "conflict.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "log.h"
#include "network-config.h"

static const char *family_name(uint8_t family) {
        return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : family == NFPROTO_INET ? "inet" : NULL;
}

static bool is_dropping_forward(const struct nlattr *const *a) {
        const struct nlattr *hook[NFTA_HOOK_MAX + 1];

        if (!a[NFTA_CHAIN_HOOK] || !a[NFTA_CHAIN_POLICY] || ntohl(mnl_attr_get_u32(a[NFTA_CHAIN_POLICY])) != NF_DROP)
                return false;
        netlink_parse_nested(a[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX);
        return hook[NFTA_HOOK_HOOKNUM] && ntohl(mnl_attr_get_u32(hook[NFTA_HOOK_HOOKNUM])) == NF_INET_FORWARD;
}

static int on_chain(const struct nlmsghdr *h, void *userdata) {
        const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
        const struct nlattr *a[NFTA_CHAIN_MAX + 1];
        char **ret = userdata;

        netlink_parse(h, sizeof(*g), a, NFTA_CHAIN_MAX);
        if (*ret || !family_name(g->nfgen_family) || !a[NFTA_CHAIN_TABLE] || !a[NFTA_CHAIN_NAME] || !is_dropping_forward(a))
                return 0;
        return str_format(ret, "%s %s %s", family_name(g->nfgen_family), mnl_attr_get_str(a[NFTA_CHAIN_TABLE]),
                          mnl_attr_get_str(a[NFTA_CHAIN_NAME]));
}

int conflict_find_forward(char **ret) {
        _cleanup_(netlink_close) Netlink nl = { .fd = -EBADF };
        _cleanup_free_ char *found = NULL;
        NetlinkMessage m;
        struct nfgenmsg *g;
        int r;

        r = netlink_open(NETLINK_NETFILTER, &nl);
        if (r < 0)
                return r;
        g = netlink_begin(&m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, 0, sizeof(*g));
        g->nfgen_family = NFPROTO_UNSPEC;
        r = netlink_dump(&nl, &m, on_chain, &found);
        if (r < 0)
                return r;
        if (!found)
                return -ENOENT;
        *ret = TAKE_PTR(found);
        return 0;
}

void conflict_explain(const Network *n) {
        _cleanup_free_ char *chain = NULL;
        InetPrefix p;

        network_config_address(&n->config, AF_INET, &p);
        if (!p.family || !network_config_family_bool(&n->config, AF_INET, "routing", true) || conflict_find_forward(&chain) < 0)
                return;
        log_at(LOG_WARNING, 0, (&(LogFields) { .network = n->name }),
               "Instances on network \"%1$s\" may not reach other networks: another program (Docker and firewalls do this) drops forwarded "
               "packets in its chain \"%2$s\". Let them through with: nft insert rule %2$s iifname \"%1$s\" accept; "
               "nft insert rule %2$s oifname \"%1$s\" ct state related,established accept", n->name, chain);
}
