/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a subnet that nothing on this host uses. Pure: what is in use and the random numbers are arguments. */
#pragma once

#include "inet.h"

/* Fills `size` random bytes; tests pass their own. 0, -errno. */
typedef int (*subnet_random_t)(void *data, size_t size);

/* Picks the address of a bridge: family AF_INET gives 10.x.y.1/24, AF_INET6 gives fd42:xxxx:xxxx:xxxx::1/64, whose network overlaps
 * none of the `n` prefixes in use. 0; -ENOSPC after many attempts; -errno of random. */
int subnet_choose(int family, const InetPrefix *used, size_t n, subnet_random_t random, InetPrefix *ret);
/* Does this prefix overlap one in use? The index of the first, or -ENOENT. */
int subnet_conflict(const InetPrefix *p, const InetPrefix *used, size_t n);
/* The kernel's random numbers. */
int subnet_random(void *data, size_t size);
