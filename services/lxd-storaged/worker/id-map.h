/* SPDX-License-Identifier: Apache-2.0 */
/* Owners in a tree, from one id map to another: plain ids, ids in POSIX ACLs, the root id of file capabilities. Pure. */
#pragma once

#include "base/str.h"

typedef struct IdRange {
        bool uid, gid;
        uint32_t inside, outside, range;
} IdRange;

/* Without any range both sides are the same. */
typedef struct IdMap {
        IdRange *ranges;
        size_t n;
} IdMap;

void id_map_done(IdMap *m);
/* Lines as lxc.idmap has them: "u 0 1000000 65536" (inside, outside, how many). 0, -EINVAL, -ENOMEM. */
int id_map_parse(char *const *lines, IdMap *ret);

/* From the ids of one map to those of the other. What one of the two does not map stays as it is. */
uint32_t id_translate(const IdMap *from, const IdMap *to, bool gid, uint32_t id);

/* The value of system.posix_acl_*, in place. True if something changed. What is no ACL is left alone. */
bool acl_translate(const IdMap *from, const IdMap *to, void *value, size_t size);

#define CAPABILITY_SIZE_MAX 24U
/* The value of security.capability: version 2 counts as written for root outside, version 3 names its root. The result is of version 2
 * when its root is 0. Returns its size, or 0 if nothing changes. */
size_t capability_translate(const IdMap *from, const IdMap *to, const void *value, size_t size,
                            unsigned char ret[static CAPABILITY_SIZE_MAX]);
