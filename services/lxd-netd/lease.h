/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that a network has given out. */
#pragma once

#include "json-write.h"
#include "manager.h"

typedef struct Lease {
        uint64_t expires; /* seconds since the epoch, 0 = never */
        char hwaddr[18];  /* "" for IPv6 */
        char address[INET_TEXT_MAX];
        char *name;       /* "" when unknown */
} Lease;

typedef struct LeaseList {
        Lease *items;
        size_t n;
} LeaseList;

void lease_list_done(LeaseList *l);
/* Reads the text of a dnsmasq lease file; lines it does not understand are skipped. 0, -ENOMEM. */
int lease_parse(const char *text, LeaseList *ret);
/* The leases of a network as an array of LXD's objects: gateway, static, dynamic. 0, -errno. */
int lease_describe(Manager *m, const Network *n, JsonWriter *w);
/* An address of the network's range that nobody has: neither leased nor reserved. 0, -ENOSPC, -errno. */
int lease_find_free(Manager *m, const Network *n, int family, InetPrefix *ret);
