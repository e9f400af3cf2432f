/* SPDX-License-Identifier: Apache-2.0 */
/* Id maps of unprivileged containers: the host's range, one map for all or one each, raw.idmap, LXD's JSON form. */
#pragma once

#include "base/cleanup.h"

typedef struct IdmapEntry {
        bool uid, gid;
        uint32_t host, guest, range;
} IdmapEntry;

typedef struct Idmap {
        IdmapEntry *entries;
        size_t n;
} Idmap;

typedef struct IdRange {
        uint32_t base, size;
} IdRange;

void idmap_done(Idmap *m);
int idmap_add(Idmap *m, const IdmapEntry *e);

/* The range of ids that root (or lxd) may use, from the texts of /etc/subuid and /etc/subgid (NULL: no such file): the largest
 * range that both have for the user. Without one: 1000000 + 1000000000. */
IdRange idmap_host_range(const char *subuid, const char *subgid);

/* raw.idmap: lines "uid|gid|both HOST GUEST", each a number or a range a-b of equal length. 0, -EINVAL, -ENOMEM. */
int raw_idmap_parse(const char *text, Idmap *ret);

/* Finds a free block of `size` ids for an isolated container: above the first 65536 of the host range, apart from all `used` blocks
 * (any order). 0, -ENOSPC when there is none. */
int idmap_allocate(IdRange host, const IdRange *used, size_t n_used, uint32_t size, uint32_t *ret_base);

/* The whole map: [base, base+size) onto 0, with the entries of raw cut out of it. 0, -EINVAL (raw outside of uint32, duplicates), -ENOMEM. */
int idmap_build(uint32_t base, uint32_t size, const Idmap *raw, Idmap *ret);

/* LXD's form for volatile.idmap.*: [{"Isuid":true,"Isgid":false,"Hostid":1000000,"Nsid":0,"Maprange":65536},...]. */
int idmap_to_json(const Idmap *m, char **ret);
/* The reverse. 0, -EBADMSG, -ENOMEM. */
int idmap_from_json(const char *text, Idmap *ret);
/* The host's id of a guest's uid or gid; false when it is not mapped. */
bool idmap_to_host(const Idmap *m, bool gid, uint32_t guest, uint32_t *ret);
