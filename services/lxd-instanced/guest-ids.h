/* SPDX-License-Identifier: Apache-2.0 */
/* Id maps as lxc.idmap writes them ("u 0 1000000 65536"): translating between the ids inside a guest and those outside. */
#pragma once

#include "base/str.h"

#define GUEST_ID_NOBODY 65534U

/* The id outside for `id` inside. No line at all means that both are the same. 0, -ERANGE: not mapped, -EINVAL: a line is not of the form. */
int guest_id_to_host(char *const *idmap, bool gid, uint32_t id, uint32_t *ret);
/* The reverse; what is not mapped is GUEST_ID_NOBODY. */
uint32_t guest_id_from_host(char *const *idmap, bool gid, uint32_t id);
