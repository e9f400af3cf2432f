/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a subnet that nothing on this host uses. */
#include "subnet.h"

#include <sys/random.h>

#define ATTEMPTS_MAX 4096U

int subnet_random(void *data, size_t size) {
        return getrandom(data, size, 0) == (ssize_t) size ? 0 : -EIO;
}

int subnet_conflict(const InetPrefix *p, const InetPrefix *used, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (used[i].length > 0 && inet_overlap(p, used + i)) /* a default route contains everything */
                        return (int) i;
        return -ENOENT;
}

static int subnet_candidate(int family, subnet_random_t random, InetPrefix *ret) {
        InetPrefix p = { .family = family };
        uint8_t bytes[6];
        int r;

        r = random(bytes, sizeof(bytes));
        if (r < 0)
                return r;
        if (family == AF_INET) {
                p.length = 24;
                p.address[0] = 10;
                memcpy(p.address + 1, bytes, 2);
                p.address[3] = 1;
        } else {
                p.length = 64;
                p.address[0] = 0xfd;
                p.address[1] = 0x42;
                memcpy(p.address + 2, bytes, sizeof(bytes));
                p.address[15] = 1;
        }
        *ret = p;
        return 0;
}

int subnet_choose(int family, const InetPrefix *used, size_t n, subnet_random_t random, InetPrefix *ret) {
        for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
                InetPrefix p;
                int r;

                r = subnet_candidate(family, random, &p);
                if (r < 0)
                        return r;
                if (subnet_conflict(&p, used, n) < 0) {
                        *ret = p;
                        return 0;
                }
        }
        return -ENOSPC;
}
