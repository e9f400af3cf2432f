/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of interfaces, addresses and routes, here or in the namespace of a guest. */
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "link.h"

void link_list_done(LinkList *l) {
        free(l->items);
        *l = (LinkList) {};
}

void address_list_done(AddressList *l) {
        free(l->items);
        *l = (AddressList) {};
}

void route_list_done(RouteList *l) {
        free(l->items);
        *l = (RouteList) {};
}

const Link *link_list_find(const LinkList *l, const char *name) {
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->items[i].name, name))
                        return l->items + i;
        return NULL;
}

const Link *link_list_find_index(const LinkList *l, int index) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].index == index)
                        return l->items + i;
        return NULL;
}

/* Room for one more item of the array that the pointer at `items` names, which grows by doubling; the new item is zeroed. NULL when
 * memory is short. */
static void *array_extend(void *items, size_t *n, size_t size) {
        void *array;

        memcpy(&array, items, sizeof(array)); /* a pointer of any type */
        if ((*n & (*n - 1)) == 0) {
                array = reallocarray(array, *n == 0 ? 1 : *n * 2, size);
                if (!array)
                        return NULL;
                memcpy(items, &array, sizeof(array));
        }
        return memset((char *) array + size * (*n)++, 0, size);
}

static unsigned attr_u32(const struct nlattr *a, unsigned fallback) {
        return a && mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? mnl_attr_get_u32(a) : fallback;
}

static unsigned attr_u16(const struct nlattr *a, unsigned fallback) {
        return a && mnl_attr_get_payload_len(a) >= sizeof(uint16_t) ? mnl_attr_get_u16(a) : fallback;
}

static unsigned attr_u8(const struct nlattr *a, unsigned fallback) {
        return a && mnl_attr_get_payload_len(a) >= 1 ? mnl_attr_get_u8(a) : fallback;
}

static void attr_string(const struct nlattr *a, char *ret, size_t size) {
        size_t n = a ? MIN((size_t) mnl_attr_get_payload_len(a), size - 1) : 0;

        if (a)
                memcpy(ret, mnl_attr_get_payload(a), n);
        ret[n] = '\0';
}

static void link_read_bridge(const struct nlattr *data, LinkBridge *ret) {
        const struct nlattr *a[IFLA_BR_MAX + 1];
        const uint8_t *id;

        netlink_parse_nested(data, a, IFLA_BR_MAX);
        ret->stp = attr_u32(a[IFLA_BR_STP_STATE], 0) != 0;
        ret->forward_delay = attr_u32(a[IFLA_BR_FORWARD_DELAY], 0);
        ret->vlan_filtering = attr_u8(a[IFLA_BR_VLAN_FILTERING], 0) != 0;
        ret->vlan_default = attr_u16(a[IFLA_BR_VLAN_DEFAULT_PVID], 0);
        if (!a[IFLA_BR_BRIDGE_ID] || mnl_attr_get_payload_len(a[IFLA_BR_BRIDGE_ID]) < 8)
                return;
        id = mnl_attr_get_payload(a[IFLA_BR_BRIDGE_ID]);
        (void) snprintf(ret->id, sizeof(ret->id), "%02x%02x.%02x%02x%02x%02x%02x%02x", id[0], id[1], id[2], id[3], id[4],
                        id[5], id[6], id[7]);
}

static void link_read_info(const struct nlattr *info, Link *l) {
        const struct nlattr *a[IFLA_INFO_MAX + 1], *vlan[IFLA_VLAN_MAX + 1];

        netlink_parse_nested(info, a, IFLA_INFO_MAX);
        attr_string(a[IFLA_INFO_KIND], l->kind, sizeof(l->kind));
        if (!a[IFLA_INFO_DATA])
                return;
        if (streq(l->kind, "bridge"))
                link_read_bridge(a[IFLA_INFO_DATA], &l->bridge);
        else if (streq(l->kind, "vlan")) {
                netlink_parse_nested(a[IFLA_INFO_DATA], vlan, IFLA_VLAN_MAX);
                l->vlan_id = (int) attr_u16(vlan[IFLA_VLAN_ID], 0);
        }
}

static void link_read(const struct nlmsghdr *h, Link *l) {
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
        const struct nlattr *a[IFLA_LINK_NETNSID + 1];

        netlink_parse(h, sizeof(*info), a, IFLA_LINK_NETNSID);
        *l = (Link) { .index = info->ifi_index, .type = info->ifi_type, .flags = info->ifi_flags, .vlan_id = -1,
                      .peer_nsid = LINK_NSID_NONE };
        attr_string(a[IFLA_IFNAME], l->name, sizeof(l->name));
        l->mtu = attr_u32(a[IFLA_MTU], 0);
        l->operstate = attr_u8(a[IFLA_OPERSTATE], 0);
        l->master = (int) attr_u32(a[IFLA_MASTER], 0);
        l->peer = (int) attr_u32(a[IFLA_LINK], 0);
        l->peer_nsid = (int) attr_u32(a[IFLA_LINK_NETNSID], (unsigned) LINK_NSID_NONE);
        if (a[IFLA_ADDRESS] && mnl_attr_get_payload_len(a[IFLA_ADDRESS]) == sizeof(l->hwaddr)) {
                memcpy(l->hwaddr, mnl_attr_get_payload(a[IFLA_ADDRESS]), sizeof(l->hwaddr));
                l->has_hwaddr = true;
        }
        if (a[IFLA_STATS64])
                memcpy(&l->stats, mnl_attr_get_payload(a[IFLA_STATS64]),
                       MIN((size_t) mnl_attr_get_payload_len(a[IFLA_STATS64]), sizeof(l->stats)));
        if (a[IFLA_LINKINFO])
                link_read_info(a[IFLA_LINKINFO], l);
}

static int link_collect(const struct nlmsghdr *h, void *userdata) {
        LinkList *list = userdata;
        Link *l;

        if (h->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(h) < sizeof(struct ifinfomsg))
                return 0;
        l = array_extend(&list->items, &list->n, sizeof(*l));
        if (!l)
                return -ENOMEM;
        link_read(h, l);
        return 0;
}

int link_list(Netlink *nl, int nsid, LinkList *ret) {
        _cleanup_(link_list_done) LinkList list = {};
        NetlinkMessage m;
        struct ifinfomsg *info;
        int r;

        info = netlink_begin(&m, RTM_GETLINK, 0, sizeof(*info));
        info->ifi_family = AF_UNSPEC;
        if (nsid >= 0)
                mnl_attr_put_u32(m.header, IFLA_TARGET_NETNSID, (uint32_t) nsid);
        r = netlink_dump(nl, &m, link_collect, &list);
        if (r < 0)
                return r;
        *ret = list;
        list = (LinkList) {};
        return 0;
}

static int link_take(const struct nlmsghdr *h, void *userdata) {
        if (h->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(h) < sizeof(struct ifinfomsg))
                return -EBADMSG;
        link_read(h, userdata);
        return 0;
}

int link_get(Netlink *nl, const char *name, Link *ret) {
        NetlinkMessage m;
        struct ifinfomsg *info;

        if (strlen(name) >= IFNAMSIZ)
                return -ENODEV;
        info = netlink_begin(&m, RTM_GETLINK, 0, sizeof(*info));
        info->ifi_family = AF_UNSPEC;
        mnl_attr_put_strz(m.header, IFLA_IFNAME, name);
        return netlink_get(nl, &m, link_take, ret);
}

static int address_collect(const struct nlmsghdr *h, void *userdata) {
        const struct ifaddrmsg *info = mnl_nlmsg_get_payload(h);
        const struct nlattr *a[IFA_MAX + 1], *value;
        AddressList *list = userdata;
        Address *address;

        if (h->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(h) < sizeof(*info))
                return 0;
        if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
                return 0;
        netlink_parse(h, sizeof(*info), a, IFA_MAX);
        value = a[IFA_LOCAL] ?: a[IFA_ADDRESS];
        if (!value || mnl_attr_get_payload_len(value) < inet_size(info->ifa_family))
                return 0;
        address = array_extend(&list->items, &list->n, sizeof(*address));
        if (!address)
                return -ENOMEM;
        address->link = (int) info->ifa_index;
        address->scope = info->ifa_scope;
        address->prefix.family = info->ifa_family;
        address->prefix.length = info->ifa_prefixlen;
        memcpy(address->prefix.address, mnl_attr_get_payload(value), inet_size(info->ifa_family));
        return 0;
}

int address_list(Netlink *nl, int nsid, AddressList *ret) {
        _cleanup_(address_list_done) AddressList list = {};
        NetlinkMessage m;
        struct ifaddrmsg *info;
        int r;

        info = netlink_begin(&m, RTM_GETADDR, 0, sizeof(*info));
        info->ifa_family = AF_UNSPEC;
        if (nsid >= 0)
                mnl_attr_put_u32(m.header, IFA_TARGET_NETNSID, (uint32_t) nsid);
        r = netlink_dump(nl, &m, address_collect, &list);
        if (r < 0)
                return r;
        *ret = list;
        list = (AddressList) {};
        return 0;
}

static int route_collect(const struct nlmsghdr *h, void *userdata) {
        const struct rtmsg *info = mnl_nlmsg_get_payload(h);
        const struct nlattr *a[RTA_MAX + 1];
        RouteList *list = userdata;
        Route *route;

        if (h->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(h) < sizeof(*info))
                return 0;
        netlink_parse(h, sizeof(*info), a, RTA_MAX);
        route = array_extend(&list->items, &list->n, sizeof(*route));
        if (!route)
                return -ENOMEM;
        route->link = (int) attr_u32(a[RTA_OIF], 0);
        route->table = attr_u32(a[RTA_TABLE], info->rtm_table);
        route->type = info->rtm_type;
        route->protocol = info->rtm_protocol;
        route->destination.family = info->rtm_family;
        route->destination.length = info->rtm_dst_len;
        if (a[RTA_DST] && mnl_attr_get_payload_len(a[RTA_DST]) >= inet_size(info->rtm_family))
                memcpy(route->destination.address, mnl_attr_get_payload(a[RTA_DST]), inet_size(info->rtm_family));
        return 0;
}

int route_list(Netlink *nl, RouteList *ret) {
        _cleanup_(route_list_done) RouteList list = {};
        static const uint8_t families[] = { AF_INET, AF_INET6 };

        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                NetlinkMessage m;
                struct rtmsg *info;
                int r;

                info = netlink_begin(&m, RTM_GETROUTE, 0, sizeof(*info));
                info->rtm_family = families[i];
                r = netlink_dump(nl, &m, route_collect, &list);
                if (r < 0 && r != -EOPNOTSUPP && r != -EAFNOSUPPORT) /* a kernel without IPv6 */
                        return r;
        }
        *ret = list;
        list = (RouteList) {};
        return 0;
}
