/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 and IPv6 addresses and prefixes as values. Pure. */
#pragma once

#include <netinet/in.h>

#include "base/str.h"

#define INET_TEXT_MAX (INET6_ADDRSTRLEN + 4)

/* An address with the length of its prefix; the host bits are kept. family 0 = none. */
typedef struct InetPrefix {
        int family; /* AF_INET, AF_INET6 */
        unsigned length;
        uint8_t address[16]; /* network order, the first 4 bytes for IPv4 */
} InetPrefix;

static inline size_t inet_size(int family) {
        return family == AF_INET ? 4 : 16;
}

/* "10.0.0.1" or "fd42::1", nothing behind it; family AF_UNSPEC takes both. length becomes that of a single host. 0, -EINVAL. */
int inet_parse(int family, const char *s, InetPrefix *ret);
/* "10.0.0.1/24". 0, -EINVAL. */
int inet_parse_cidr(int family, const char *s, InetPrefix *ret);
/* Comma separated list of CIDRs (an address alone is a host). The caller frees. 0, -EINVAL, -ENOMEM. */
int inet_parse_list(int family, const char *s, InetPrefix **ret, size_t *ret_n);
/* The address without length; the network with length ("10.0.0.0/24"). Return buf. */
char *inet_format(const InetPrefix *p, char buf[static INET_TEXT_MAX]);
char *inet_format_cidr(const InetPrefix *p, char buf[static INET_TEXT_MAX]);
char *inet_format_network(const InetPrefix *p, char buf[static INET_TEXT_MAX]);

/* The same with the host bits cleared, or all set (the IPv4 broadcast address). */
InetPrefix inet_first(const InetPrefix *p);
InetPrefix inet_last(const InetPrefix *p);
/* Same family and one contains the other. */
bool inet_overlap(const InetPrefix *a, const InetPrefix *b);
/* Is the address of `a` inside of the prefix p? */
bool inet_contains(const InetPrefix *p, const InetPrefix *a);
bool inet_equal(const InetPrefix *a, const InetPrefix *b);
/* Orders two addresses of one family. */
int inet_compare(const InetPrefix *a, const InetPrefix *b);
/* Adds n (may be negative) to the address, wrapping around. */
InetPrefix inet_add(const InetPrefix *p, int64_t n);
/* An address that can be given to an interface: not the network, not the broadcast address of its prefix. */
bool inet_is_usable(const InetPrefix *p);

/* A range "A-B" with A <= B, both of the family. 0, -EINVAL. */
int inet_parse_range(int family, const char *s, InetPrefix *ret_first, InetPrefix *ret_last);

/* 00:16:3e and three random bytes. 0, -errno. */
int hwaddr_random(uint8_t ret[static 6]);
/* "00:16:3e:aa:bb:cc" (also with '-'). 0, -EINVAL. */
int hwaddr_parse(const char *s, uint8_t ret[static 6]);
#define HWADDR_TEXT_MAX 18
char *hwaddr_format(const uint8_t a[static 6], char buf[static HWADDR_TEXT_MAX]);
