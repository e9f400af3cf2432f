/* SPDX-License-Identifier: Apache-2.0 */
/* One netlink socket and its request/answer discipline.
 *
 * The kernel works on a netlink request inside sendmsg(): when the call returns, the answer already lies in the socket. So a request
 * is a plain function call here; spreading it over the event loop would postpone reading an answer that is there. */
#pragma once

#include <libmnl/libmnl.h>

#include "base/cleanup.h"

#define NETLINK_MESSAGE_MAX 16384U

typedef struct Netlink {
        int fd;
        uint32_t seq;
        char reason[128]; /* what the kernel said about the last failure (extended acknowledgement), or "" */
} Netlink;

/* Opens a socket of this protocol (NETLINK_ROUTE, NETLINK_NETFILTER). 0, -errno. */
int netlink_open(int protocol, Netlink *ret);
void netlink_close(Netlink *nl);

/* A message buffer: the header, then the attributes put there with mnl_attr_put_*(). */
typedef struct NetlinkMessage {
        struct nlmsghdr *header;
        char buffer[NETLINK_MESSAGE_MAX];
} NetlinkMessage;

/* Begins a request of this type and flags (NLM_F_REQUEST is added); returns the zeroed extra header of `size` bytes behind it. */
void *netlink_begin(NetlinkMessage *m, uint16_t type, uint16_t flags, size_t size);
/* Sends and waits for the acknowledgement. 0, or the kernel's negative errno (nl->reason may say more). */
int netlink_call(Netlink *nl, NetlinkMessage *m);
/* Sends a request with one answer (NLM_F_ACK must not be set) and hands it to the callback, whose result is returned. */
int netlink_get(Netlink *nl, NetlinkMessage *m, int (*callback)(const struct nlmsghdr *h, void *userdata), void *userdata);
/* Sends a dump request; the callback gets each part, a negative result ends the dump (which is read to its end). When the table
 * changed meanwhile the kernel says so; that is not repeated: the parts are consistent each for itself. 0, -errno. */
int netlink_dump(Netlink *nl, NetlinkMessage *m, int (*callback)(const struct nlmsghdr *h, void *userdata),
                 void *userdata);

/* Walks the attributes behind an extra header of `size` bytes into table[0..max] (zeroed first). */
void netlink_parse(const struct nlmsghdr *h, size_t size, const struct nlattr **table, uint16_t max);
void netlink_parse_nested(const struct nlattr *nest, const struct nlattr **table, uint16_t max);
