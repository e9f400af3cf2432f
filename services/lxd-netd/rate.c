/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic shaping of one interface: a hierarchical token bucket with a single class. */
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "link.h"

#define HANDLE_ROOT 0x00010000U  /* 1:0 */
#define HANDLE_CLASS 0x00010010U /* 1:10 */
#define TICKS_UNIT 64U           /* the scheduler counts time in units of 64 ns */

static int rate_remove(Netlink *nl, int index) {
        NetlinkMessage m;
        struct tcmsg *tc;
        int r;

        tc = netlink_begin(&m, RTM_DELQDISC, 0, sizeof(*tc));
        tc->tcm_family = AF_UNSPEC;
        tc->tcm_ifindex = index;
        tc->tcm_parent = TC_H_ROOT;
        r = netlink_call(nl, &m);
        return r == -ENOENT || r == -EINVAL ? 0 : r; /* there was none */
}

static int rate_add_root(Netlink *nl, int index) {
        struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10, .defcls = 0x10 };
        NetlinkMessage m;
        struct tcmsg *tc;
        struct nlattr *options;

        tc = netlink_begin(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*tc));
        tc->tcm_family = AF_UNSPEC;
        tc->tcm_ifindex = index;
        tc->tcm_handle = HANDLE_ROOT;
        tc->tcm_parent = TC_H_ROOT;
        mnl_attr_put_strz(m.header, TCA_KIND, "htb");
        options = mnl_attr_nest_start(m.header, TCA_OPTIONS);
        mnl_attr_put(m.header, TCA_HTB_INIT, sizeof(glob), &glob);
        mnl_attr_nest_end(m.header, options);
        return netlink_call(nl, &m);
}

int link_set_rate(Netlink *nl, int index, uint64_t bits_per_second) {
        uint64_t bytes = MAX(bits_per_second / 8, (uint64_t) 1);
        /* 10 ms worth of traffic, and room for the largest frame the host hands over at once */
        uint64_t burst = MAX(bytes / 100, (uint64_t) 65536);
        uint64_t ticks = MIN(burst * 1000000000U / bytes / TICKS_UNIT, (uint64_t) UINT32_MAX);
        struct tc_htb_opt opt = {
                .rate.rate = (uint32_t) MIN(bytes, (uint64_t) UINT32_MAX),
                .ceil.rate = (uint32_t) MIN(bytes, (uint64_t) UINT32_MAX),
                .rate.linklayer = TC_LINKLAYER_ETHERNET,
                .ceil.linklayer = TC_LINKLAYER_ETHERNET,
                .buffer = (uint32_t) ticks,
                .cbuffer = (uint32_t) ticks,
                .quantum = 65536,
        };
        NetlinkMessage m;
        struct tcmsg *tc;
        struct nlattr *options;
        int r;

        r = rate_remove(nl, index);
        if (r < 0 || bits_per_second == 0)
                return r;
        r = rate_add_root(nl, index);
        if (r < 0)
                return r;

        tc = netlink_begin(&m, RTM_NEWTCLASS, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*tc));
        tc->tcm_family = AF_UNSPEC;
        tc->tcm_ifindex = index;
        tc->tcm_handle = HANDLE_CLASS;
        tc->tcm_parent = HANDLE_ROOT;
        mnl_attr_put_strz(m.header, TCA_KIND, "htb");
        options = mnl_attr_nest_start(m.header, TCA_OPTIONS);
        mnl_attr_put(m.header, TCA_HTB_PARMS, sizeof(opt), &opt);
        if (bytes > UINT32_MAX) {
                mnl_attr_put_u64(m.header, TCA_HTB_RATE64, bytes);
                mnl_attr_put_u64(m.header, TCA_HTB_CEIL64, bytes);
        }
        mnl_attr_nest_end(m.header, options);
        return netlink_call(nl, &m);
}
