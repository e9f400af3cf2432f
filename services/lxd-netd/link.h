/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces, addresses and routes by rtnetlink: lists of what is there (here or in a guest) and changes. */
#pragma once

#include <linux/if_link.h>
#include <net/if.h>

#include "inet.h"
#include "netlink.h"

#define LINK_NSID_NONE (-1)

/* What a bridge says about itself. */
typedef struct LinkBridge {
        char id[24]; /* "8000.00163e2e69ad" */
        bool stp, vlan_filtering;
        unsigned forward_delay; /* 1/100 s */
        unsigned vlan_default;  /* PVID of new ports */
} LinkBridge;

typedef struct Link {
        int index;
        char name[IFNAMSIZ];
        char kind[16]; /* "bridge", "veth", "" for hardware and loopback */
        unsigned type; /* ARPHRD_* */
        unsigned flags; /* IFF_* */
        unsigned operstate; /* IF_OPER_* */
        unsigned mtu;
        uint8_t hwaddr[6];
        bool has_hwaddr;
        int master; /* index or 0 */
        int peer; /* index of the other end or parent, 0 */
        int peer_nsid; /* id of the namespace that `peer` lives in, LINK_NSID_NONE = this one */
        int vlan_id; /* -1 unless it is a VLAN interface */
        LinkBridge bridge;
        struct rtnl_link_stats64 stats;
} Link;

typedef struct LinkList {
        Link *items;
        size_t n;
} LinkList;

typedef struct Address {
        int link;
        InetPrefix prefix;
        unsigned scope; /* RT_SCOPE_* */
} Address;

typedef struct AddressList {
        Address *items;
        size_t n;
} AddressList;

typedef struct Route {
        int link; /* 0 for multipath and the like */
        InetPrefix destination; /* length 0 = default route */
        unsigned table, type, protocol;
} Route;

typedef struct RouteList {
        Route *items;
        size_t n;
} RouteList;

void link_list_done(LinkList *l);
void address_list_done(AddressList *l);
void route_list_done(RouteList *l);
const Link *link_list_find(const LinkList *l, const char *name);
const Link *link_list_find_index(const LinkList *l, int index);

/* All interfaces of this namespace, or of the one with this id (needs CAP_NET_ADMIN over it). 0, -errno. */
int link_list(Netlink *nl, int nsid, LinkList *ret);
/* One interface. 0, -ENODEV, -errno. */
int link_get(Netlink *nl, const char *name, Link *ret);
int address_list(Netlink *nl, int nsid, AddressList *ret);
/* All routes of all tables, both families. */
int route_list(Netlink *nl, RouteList *ret);

/* Creates a bridge, down. 0, -EEXIST, -errno. */
int link_create_bridge(Netlink *nl, const char *name, const uint8_t hwaddr[static 6], unsigned mtu);

/* An interface for a guest. One that is made in the guest's network namespace is never moved there, which would wait for a grace period of RCU
 * with the kernel's network lock held: more than all else together. */
typedef struct GuestLinkSpec {
        const char *name;      /* in its namespace */
        int netns_fd;          /* its namespace, where it comes up; -EBADF: here, down */
        uint8_t hwaddr[6];
        unsigned mtu;          /* 0 = the kernel's, the parent's */
        const char *host_name; /* veth: the end that stays here, down */
        int parent;            /* macvlan: index of what it is on */
} GuestLinkSpec;

/* Creates the pair in one step. 0, -EEXIST, -errno. */
int link_create_veth(Netlink *nl, const GuestLinkSpec *spec);
/* Creates a macvlan in bridge mode. 0, -EEXIST, -errno. */
int link_create_macvlan(Netlink *nl, const GuestLinkSpec *spec);
/* vxlan and gre tunnels of a bridge. */
typedef struct TunnelSpec {
        const char *name;
        InetPrefix local, remote; /* remote is the group of a multicast vxlan; family 0 = not given */
        int link; /* index of the underlying interface, 0 */
        uint32_t id; /* vxlan */
        unsigned port, ttl; /* vxlan; 0 = the kernel's */
        bool gre;
        unsigned mtu;
} TunnelSpec;
int link_create_tunnel(Netlink *nl, const TunnelSpec *spec);
/* 0, -ENODEV, -errno. */
int link_delete(Netlink *nl, const char *name);
/* The same in the namespace with this id. 0, -ENODEV, -errno. */
int link_delete_in(Netlink *nl, int nsid, const char *name);
int link_set_up(Netlink *nl, int index, bool up);
int link_set_mtu(Netlink *nl, int index, unsigned mtu);
int link_set_hwaddr(Netlink *nl, int index, const uint8_t hwaddr[static 6]);
/* master 0 = unplug. */
int link_set_master(Netlink *nl, int index, int master);
/* A new interface comes up, as a port of the bridge with this index, without an IPv6 address of its own, or (0) as it is. 0, -ENODEV, -errno. */
int link_plug(Netlink *nl, const char *name, int bridge);
/* A port of a bridge that sends nothing to other isolated ports. */
int link_set_isolated(Netlink *nl, int index);
/* The interface is taken down for the moment, as older kernels want it. */
int link_rename(Netlink *nl, int index, const char *name);

/* An address is added without duplicate detection: it is ours, and services bind to it at once. 0 (also if it is there), -errno. */
int address_add(Netlink *nl, int link, const InetPrefix *p);
/* 0 (also if it is gone). */
int address_remove(Netlink *nl, int link, const InetPrefix *p);
/* A route straight to the interface; 0 if it is there already. */
int route_add(Netlink *nl, int link, const InetPrefix *destination);
int route_remove(Netlink *nl, int link, const InetPrefix *destination);

/* Shapes what leaves through the interface to this many bits per second; 0 removes the limit. 0, -errno. */
int link_set_rate(Netlink *nl, int index, uint64_t bits_per_second);

/* The id of a network namespace in ours; made when it has none. id >= 0, -errno. */
int namespace_id(Netlink *nl, int netns_fd);
