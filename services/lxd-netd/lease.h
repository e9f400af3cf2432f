/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that a network has given out. */
#pragma once

#include "json-write.h"
#include "lease-file.h"
#include "manager.h"

/* The leases of a network as an array of LXD's objects: gateway, static, dynamic. 0, -errno. */
int lease_describe(Manager *m, const Network *n, JsonWriter *w);
/* Has this interface of a guest a lease? 1, 0, -errno. */
int lease_exists(Manager *m, const Nic *nic);
/* An address of the network's range that nobody has: neither leased nor reserved. 0, -ENOSPC, -errno. */
int lease_find_free(Manager *m, const Network *n, int family, InetPrefix *ret);
