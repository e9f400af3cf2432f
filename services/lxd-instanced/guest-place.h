/* SPDX-License-Identifier: Apache-2.0 */
/* Where liblxc is going to mount something in a guest: a way through folders only. liblxc makes what is missing of it while the guest's root is
 * a folder of the host like any other, and would follow the guest's links out of it. */
#pragma once

#include <stddef.h>

typedef struct GuestPlace {
        const char *target; /* absolute in the guest, without ".." */
        const char *source; /* on the host: what is mounted there */
} GuestPlace;

/* `earlier`: what is mounted before `target`, in that order. 0, -ELOOP: a link is on the way. */
int guest_place_check(const char *rootfs, const GuestPlace *earlier, size_t n, const char *target);
