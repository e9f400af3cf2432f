/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq's lease file, and what ends a lease before its time. Pure: values from text, messages from values. */
#pragma once

#include "inet.h"

typedef struct Lease {
        uint64_t expires; /* seconds since the epoch, 0 = never */
        char hwaddr[18];  /* "" for IPv6 */
        uint32_t iaid;    /* IPv6: the client's number for its interface */
        char address[INET_TEXT_MAX];
        char *name;   /* "" when unknown */
        char *client; /* the client's identifier in hexadecimal with colons; "" when it gave none */
} Lease;

typedef struct LeaseList {
        Lease *items;
        size_t n;
        char *server; /* the server's identifier for IPv6; NULL when it has none yet */
} LeaseList;

void lease_list_done(LeaseList *l);
/* Reads the text of a dnsmasq lease file; lines it does not understand are skipped. 0, -ENOMEM. */
int lease_parse(const char *text, LeaseList *ret);

#define LEASE_MESSAGE_MAX 1024U

/* The message by which a client gives back its address: DHCPRELEASE for IPv4, sent to the server that has the address `server`, RELEASE for IPv6, which
 * names the server by its identifier server_id. Size of the message, -EINVAL (an identifier that is none, or too long). */
ssize_t lease_build_release(const Lease *lease, const InetPrefix *server, const char *server_id, uint8_t ret[static LEASE_MESSAGE_MAX]);
