/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to interfaces, addresses and routes. */
#include "link.h"

#include <linux/if_addr.h>
#include <linux/if_tunnel.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/random.h>
#include <unistd.h>

int link_create_bridge(Netlink *nl, const char *name, const uint8_t hwaddr[static 6], unsigned mtu) {
        NetlinkMessage m;
        struct nlattr *nest;

        netlink_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(m.header, IFLA_IFNAME, name);
        mnl_attr_put(m.header, IFLA_ADDRESS, 6, hwaddr);
        if (mtu > 0)
                mnl_attr_put_u32(m.header, IFLA_MTU, mtu);
        nest = mnl_attr_nest_start(m.header, IFLA_LINKINFO);
        mnl_attr_put_strz(m.header, IFLA_INFO_KIND, "bridge");
        mnl_attr_nest_end(m.header, nest);
        return netlink_call(nl, &m);
}

/* Before 6.13 the kernel takes the interface of this namespace that has the name (or else the index) for the one that is asked for, also when
 * another namespace is named: the guest's "eth0" cannot be made where the host has one. So an index is named that is most likely free in both. */
static int choose_index(void) {
        uint16_t n = 0;

        (void) getrandom(&n, sizeof(n), 0);
        return 1000 + n;
}

/* The guest's end: what is common to all kinds. */
static void put_guest_link(struct nlmsghdr *h, struct ifinfomsg *info, const GuestLinkSpec *spec) {
        mnl_attr_put_strz(h, IFLA_IFNAME, spec->name);
        mnl_attr_put(h, IFLA_ADDRESS, sizeof(spec->hwaddr), spec->hwaddr);
        if (spec->mtu > 0)
                mnl_attr_put_u32(h, IFLA_MTU, spec->mtu);
        if (spec->netns_fd < 0)
                return;
        mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t) spec->netns_fd);
        info->ifi_index = choose_index();
        info->ifi_flags = info->ifi_change = IFF_UP;
}

/* Once more if the index was not free. When it is a name that is not, that fails as well. */
static int create_guest_link(Netlink *nl, const GuestLinkSpec *spec, int (*create)(Netlink *nl, const GuestLinkSpec *spec)) {
        int r = create(nl, spec);

        for (unsigned i = 0; i < 8 && spec->netns_fd >= 0 && (r == -EEXIST || r == -EBUSY); i++)
                r = create(nl, spec);
        return r;
}

/* The guest's end is the main one: only that can be created up. */
static int create_veth(Netlink *nl, const GuestLinkSpec *spec) {
        NetlinkMessage m;
        struct ifinfomsg *info;
        struct nlattr *nest, *data, *peer;

        info = netlink_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*info));
        put_guest_link(m.header, info, spec);
        nest = mnl_attr_nest_start(m.header, IFLA_LINKINFO);
        mnl_attr_put_strz(m.header, IFLA_INFO_KIND, "veth");
        data = mnl_attr_nest_start(m.header, IFLA_INFO_DATA);
        peer = mnl_attr_nest_start(m.header, VETH_INFO_PEER);
        (void) mnl_nlmsg_put_extra_header(m.header, sizeof(*info));
        mnl_attr_put_strz(m.header, IFLA_IFNAME, spec->host_name);
        if (spec->mtu > 0)
                mnl_attr_put_u32(m.header, IFLA_MTU, spec->mtu);
        mnl_attr_nest_end(m.header, peer);
        mnl_attr_nest_end(m.header, data);
        mnl_attr_nest_end(m.header, nest);
        return netlink_call(nl, &m);
}

static int create_macvlan(Netlink *nl, const GuestLinkSpec *spec) {
        NetlinkMessage m;
        struct ifinfomsg *info;
        struct nlattr *nest, *data;

        info = netlink_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*info));
        put_guest_link(m.header, info, spec);
        mnl_attr_put_u32(m.header, IFLA_LINK, (uint32_t) spec->parent);
        nest = mnl_attr_nest_start(m.header, IFLA_LINKINFO);
        mnl_attr_put_strz(m.header, IFLA_INFO_KIND, "macvlan");
        data = mnl_attr_nest_start(m.header, IFLA_INFO_DATA);
        mnl_attr_put_u32(m.header, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
        mnl_attr_nest_end(m.header, data);
        mnl_attr_nest_end(m.header, nest);
        return netlink_call(nl, &m);
}

int link_create_veth(Netlink *nl, const GuestLinkSpec *spec) {
        return create_guest_link(nl, spec, create_veth);
}

int link_create_macvlan(Netlink *nl, const GuestLinkSpec *spec) {
        return create_guest_link(nl, spec, create_macvlan);
}

static void tunnel_put_vxlan(struct nlmsghdr *h, const TunnelSpec *spec) {
        mnl_attr_put_u32(h, IFLA_VXLAN_ID, spec->id);
        if (spec->link > 0)
                mnl_attr_put_u32(h, IFLA_VXLAN_LINK, (uint32_t) spec->link);
        if (spec->ttl > 0)
                mnl_attr_put_u8(h, IFLA_VXLAN_TTL, (uint8_t) spec->ttl);
        if (spec->port > 0)
                mnl_attr_put_u16(h, IFLA_VXLAN_PORT, htons((uint16_t) spec->port));
        if (spec->local.family)
                mnl_attr_put(h, spec->local.family == AF_INET ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6,
                             inet_size(spec->local.family), spec->local.address);
        if (spec->remote.family)
                mnl_attr_put(h, spec->remote.family == AF_INET ? IFLA_VXLAN_GROUP : IFLA_VXLAN_GROUP6,
                             inet_size(spec->remote.family), spec->remote.address);
}

int link_create_tunnel(Netlink *nl, const TunnelSpec *spec) {
        NetlinkMessage m;
        struct nlattr *nest, *data;

        netlink_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(m.header, IFLA_IFNAME, spec->name);
        if (spec->mtu > 0)
                mnl_attr_put_u32(m.header, IFLA_MTU, spec->mtu);
        nest = mnl_attr_nest_start(m.header, IFLA_LINKINFO);
        mnl_attr_put_strz(m.header, IFLA_INFO_KIND,
                          !spec->gre ? "vxlan" : spec->local.family == AF_INET6 ? "ip6gretap" : "gretap");
        data = mnl_attr_nest_start(m.header, IFLA_INFO_DATA);
        if (spec->gre) {
                mnl_attr_put(m.header, IFLA_GRE_LOCAL, inet_size(spec->local.family), spec->local.address);
                mnl_attr_put(m.header, IFLA_GRE_REMOTE, inet_size(spec->remote.family), spec->remote.address);
        } else
                tunnel_put_vxlan(m.header, spec);
        mnl_attr_nest_end(m.header, data);
        mnl_attr_nest_end(m.header, nest);
        return netlink_call(nl, &m);
}

int link_delete_in(Netlink *nl, int nsid, const char *name) {
        NetlinkMessage m;

        if (strlen(name) >= IFNAMSIZ)
                return -ENODEV;
        netlink_begin(&m, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(m.header, IFLA_IFNAME, name);
        if (nsid != LINK_NSID_NONE)
                mnl_attr_put_u32(m.header, IFLA_TARGET_NETNSID, (uint32_t) nsid);
        return netlink_call(nl, &m);
}

int link_delete(Netlink *nl, const char *name) {
        return link_delete_in(nl, LINK_NSID_NONE, name);
}

static void link_begin_change(NetlinkMessage *m, int index) {
        struct ifinfomsg *info = netlink_begin(m, RTM_NEWLINK, 0, sizeof(*info));

        info->ifi_index = index;
}

int link_set_up(Netlink *nl, int index, bool up) {
        NetlinkMessage m;
        struct ifinfomsg *info = netlink_begin(&m, RTM_NEWLINK, 0, sizeof(*info));

        info->ifi_index = index;
        info->ifi_flags = up ? IFF_UP : 0;
        info->ifi_change = IFF_UP;
        return netlink_call(nl, &m);
}

int link_set_mtu(Netlink *nl, int index, unsigned mtu) {
        NetlinkMessage m;

        link_begin_change(&m, index);
        mnl_attr_put_u32(m.header, IFLA_MTU, mtu);
        return netlink_call(nl, &m);
}

int link_set_hwaddr(Netlink *nl, int index, const uint8_t hwaddr[static 6]) {
        NetlinkMessage m;

        link_begin_change(&m, index);
        mnl_attr_put(m.header, IFLA_ADDRESS, 6, hwaddr);
        return netlink_call(nl, &m);
}

int link_set_master(Netlink *nl, int index, int master) {
        NetlinkMessage m;

        link_begin_change(&m, index);
        mnl_attr_put_u32(m.header, IFLA_MASTER, (uint32_t) master);
        return netlink_call(nl, &m);
}

/* Not by disable_ipv6 below /proc/sys: while others hold the kernel's network lock, a write there spins. */
static void put_no_ipv6_address(struct nlmsghdr *h) {
        struct nlattr *families = mnl_attr_nest_start(h, IFLA_AF_SPEC), *inet6 = mnl_attr_nest_start(h, AF_INET6);

        mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
        mnl_attr_nest_end(h, inet6);
        mnl_attr_nest_end(h, families);
}

int link_plug(Netlink *nl, const char *name, int bridge) {
        bool ipv6 = access("/proc/sys/net/ipv6", F_OK) >= 0;
        struct ifinfomsg *info;
        NetlinkMessage m;
        int r = 0;

        if (bridge > 0) {
                link_begin_change(&m, 0);
                mnl_attr_put_strz(m.header, IFLA_IFNAME, name);
                mnl_attr_put_u32(m.header, IFLA_MASTER, (uint32_t) bridge);
                if (ipv6)
                        put_no_ipv6_address(m.header);
                r = netlink_call(nl, &m);
        }
        if (r < 0)
                return r;
        info = netlink_begin(&m, RTM_NEWLINK, 0, sizeof(*info));
        info->ifi_flags = info->ifi_change = IFF_UP;
        mnl_attr_put_strz(m.header, IFLA_IFNAME, name);
        return netlink_call(nl, &m);
}

int link_set_isolated(Netlink *nl, int index) {
        NetlinkMessage m;
        struct ifinfomsg *info = netlink_begin(&m, RTM_SETLINK, 0, sizeof(*info));
        struct nlattr *nest;

        info->ifi_family = AF_BRIDGE;
        info->ifi_index = index;
        nest = mnl_attr_nest_start(m.header, IFLA_PROTINFO | NLA_F_NESTED);
        mnl_attr_put_u8(m.header, IFLA_BRPORT_ISOLATED, 1);
        mnl_attr_nest_end(m.header, nest);
        return netlink_call(nl, &m);
}

int link_rename(Netlink *nl, int index, const char *name) {
        NetlinkMessage m;
        int r;

        r = link_set_up(nl, index, false);
        if (r < 0)
                return r;
        link_begin_change(&m, index);
        mnl_attr_put_strz(m.header, IFLA_IFNAME, name);
        r = netlink_call(nl, &m);
        (void) link_set_up(nl, index, true);
        return r;
}

static int address_change(Netlink *nl, uint16_t type, uint16_t flags, int link, const InetPrefix *p) {
        InetPrefix broadcast = inet_last(p);
        NetlinkMessage m;
        struct ifaddrmsg *info;

        info = netlink_begin(&m, type, flags, sizeof(*info));
        info->ifa_family = (uint8_t) p->family;
        info->ifa_prefixlen = (uint8_t) p->length;
        info->ifa_index = (uint32_t) link;
        mnl_attr_put(m.header, IFA_LOCAL, inet_size(p->family), p->address);
        mnl_attr_put(m.header, IFA_ADDRESS, inet_size(p->family), p->address);
        if (type == RTM_NEWADDR && p->family == AF_INET && p->length < 31)
                mnl_attr_put(m.header, IFA_BROADCAST, 4, broadcast.address);
        if (type == RTM_NEWADDR && p->family == AF_INET6)
                mnl_attr_put_u32(m.header, IFA_FLAGS, IFA_F_NODAD | IFA_F_PERMANENT);
        return netlink_call(nl, &m);
}

int address_add(Netlink *nl, int link, const InetPrefix *p) {
        int r = address_change(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link, p);

        return r == -EEXIST ? 0 : r;
}

int address_remove(Netlink *nl, int link, const InetPrefix *p) {
        int r = address_change(nl, RTM_DELADDR, 0, link, p);

        return r == -EADDRNOTAVAIL ? 0 : r;
}

static int route_change(Netlink *nl, uint16_t type, uint16_t flags, int link, const InetPrefix *destination) {
        InetPrefix network = inet_first(destination);
        NetlinkMessage m;
        struct rtmsg *info;

        info = netlink_begin(&m, type, flags, sizeof(*info));
        info->rtm_family = (uint8_t) network.family;
        info->rtm_dst_len = (uint8_t) network.length;
        info->rtm_table = RT_TABLE_MAIN;
        info->rtm_protocol = RTPROT_STATIC;
        info->rtm_scope = network.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
        info->rtm_type = RTN_UNICAST;
        mnl_attr_put(m.header, RTA_DST, inet_size(network.family), network.address);
        mnl_attr_put_u32(m.header, RTA_OIF, (uint32_t) link);
        return netlink_call(nl, &m);
}

int route_add(Netlink *nl, int link, const InetPrefix *destination) {
        int r = route_change(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, link, destination);

        return r == -EEXIST ? 0 : r;
}

int route_remove(Netlink *nl, int link, const InetPrefix *destination) {
        int r = route_change(nl, RTM_DELROUTE, 0, link, destination);

        return r == -ESRCH ? 0 : r;
}

static int namespace_take(const struct nlmsghdr *h, void *userdata) {
        const struct nlattr *a[NETNSA_MAX + 1];

        netlink_parse(h, sizeof(struct rtgenmsg), a, NETNSA_MAX);
        if (!a[NETNSA_NSID])
                return -EBADMSG;
        *(int *) userdata = (int) mnl_attr_get_u32(a[NETNSA_NSID]);
        return 0;
}

static int namespace_get(Netlink *nl, int netns_fd) {
        NetlinkMessage m;
        int id = -1, r;

        netlink_begin(&m, RTM_GETNSID, 0, sizeof(struct rtgenmsg));
        mnl_attr_put_u32(m.header, NETNSA_FD, (uint32_t) netns_fd);
        r = netlink_get(nl, &m, namespace_take, &id);
        if (r < 0)
                return r;
        return id < 0 ? -ENXIO : id;
}

int namespace_id(Netlink *nl, int netns_fd) {
        NetlinkMessage m;
        int id, r;

        id = namespace_get(nl, netns_fd);
        if (id != -ENXIO)
                return id;
        netlink_begin(&m, RTM_NEWNSID, 0, sizeof(struct rtgenmsg));
        mnl_attr_put_u32(m.header, NETNSA_FD, (uint32_t) netns_fd);
        mnl_attr_put_u32(m.header, NETNSA_NSID, (uint32_t) -1);
        r = netlink_call(nl, &m);
        if (r < 0 && r != -EEXIST) /* somebody gave it one meanwhile */
                return r;
        return namespace_get(nl, netns_fd);
}
