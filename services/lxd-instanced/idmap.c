/* SPDX-License-Identifier: Apache-2.0 */
/* Id maps of unprivileged containers: the host's range, one map for all or one each, raw.idmap, LXD's JSON form. */
#include "idmap.h"

#include <json-c/json.h>

#include "base/str.h"
#include "json-write.h"

#define DEFAULT_BASE 1000000U
#define DEFAULT_SIZE 1000000000U
#define ISOLATED_OFFSET 65536U /* the first block stays for containers that share the map */

void idmap_done(Idmap *m) {
        free(m->entries);
        *m = (Idmap) {};
}

int idmap_add(Idmap *m, const IdmapEntry *e) {
        IdmapEntry *grown = reallocarray(m->entries, m->n + 1, sizeof(IdmapEntry));

        if (!grown)
                return -ENOMEM;

        m->entries = grown;
        m->entries[m->n++] = *e;
        return 0;
}

/* The largest range of `user` in a file of lines user:base:size. */
static bool subid_find(const char *text, const char *user, IdRange *ret) {
        _cleanup_strv_free_ Strv lines = NULL;
        bool found = false;

        if (!text || strv_split(text, "\n", &lines) < 0)
                return false;

        STRV_FOREACH(line, lines) {
                _cleanup_strv_free_ Strv fields = NULL;
                IdRange range;

                if (strv_split(*line, ":", &fields) < 0 || strv_length(fields) != 3 || !streq(fields[0], user) ||
                    parse_u32(fields[1], &range.base) < 0 || parse_u32(fields[2], &range.size) < 0 ||
                    range.size > UINT32_MAX - range.base)
                        continue;
                if (!found || range.size > ret->size)
                        *ret = range;
                found = true;
        }
        return found;
}

IdRange idmap_host_range(const char *subuid, const char *subgid) {
        static const char *const users[] = { "lxd", "root" };

        for (size_t i = 0; i < ELEMENTSOF(users); i++) {
                IdRange u, g;
                uint64_t base, end;

                if (!subid_find(subuid, users[i], &u) || !subid_find(subgid, users[i], &g))
                        continue;

                base = MAX(u.base, g.base);
                end = MIN((uint64_t) u.base + u.size, (uint64_t) g.base + g.size);
                if (end >= base + 65536)
                        return (IdRange) { (uint32_t) base, (uint32_t) (end - base) };
        }

        return (IdRange) { DEFAULT_BASE, DEFAULT_SIZE };
}

static int parse_id_range(const char *s, IdRange *ret) {
        _cleanup_free_ char *first = NULL;
        const char *dash = strchr(s, '-');
        uint32_t a, b;
        int r;

        first = strndup(s, dash ? (size_t) (dash - s) : strlen(s));
        if (!first)
                return -ENOMEM;

        r = parse_u32(first, &a);
        if (r < 0)
                return -EINVAL;
        b = a;
        if (dash && parse_u32(dash + 1, &b) < 0)
                return -EINVAL;
        if (b < a || b == UINT32_MAX)
                return -EINVAL;

        *ret = (IdRange) { a, b - a + 1 };
        return 0;
}

static int raw_idmap_line(const char *line, Idmap *m) {
        _cleanup_strv_free_ Strv words = NULL;
        IdRange host, guest;
        IdmapEntry e;
        int r;

        r = strv_split(line, " \t", &words);
        if (r < 0)
                return r;
        if (strv_length(words) == 0)
                return 0;
        if (strv_length(words) != 3)
                return -EINVAL;

        r = parse_id_range(words[1], &host);
        if (r >= 0)
                r = parse_id_range(words[2], &guest);
        if (r < 0)
                return r;
        if (host.size != guest.size)
                return -EINVAL;

        e = (IdmapEntry) { .host = host.base, .guest = guest.base, .range = host.size };
        e.uid = streq(words[0], "uid") || streq(words[0], "both");
        e.gid = streq(words[0], "gid") || streq(words[0], "both");
        return e.uid || e.gid ? idmap_add(m, &e) : -EINVAL;
}

int raw_idmap_parse(const char *text, Idmap *ret) {
        _cleanup_strv_free_ Strv lines = NULL;
        _cleanup_(idmap_done) Idmap m = {};
        int r;

        r = strv_split(text, "\n", &lines);
        if (r < 0)
                return r;

        STRV_FOREACH(line, lines) {
                r = raw_idmap_line(*line, &m);
                if (r < 0)
                        return r;
        }

        *ret = m;
        m = (Idmap) {};
        return 0;
}

static int range_compare(const void *a, const void *b) {
        const IdRange *x = a, *y = b;

        return x->base < y->base ? -1 : x->base > y->base;
}

int idmap_allocate(IdRange host, const IdRange *used, size_t n_used, uint32_t size, uint32_t *ret_base) {
        _cleanup_free_ IdRange *sorted = NULL;
        uint64_t candidate = (uint64_t) host.base + ISOLATED_OFFSET, end = (uint64_t) host.base + host.size;

        sorted = malloc(MAX(n_used, (size_t) 1) * sizeof(IdRange));
        if (!sorted)
                return -ENOMEM;
        if (n_used > 0) {
                memcpy(sorted, used, n_used * sizeof(IdRange));
                SORT(sorted, n_used, range_compare);
        }

        for (size_t i = 0; i < n_used; i++) {
                if (candidate + size <= sorted[i].base)
                        break;
                candidate = MAX(candidate, (uint64_t) sorted[i].base + sorted[i].size);
        }

        if (candidate + size > end)
                return -ENOSPC;
        *ret_base = (uint32_t) candidate;
        return 0;
}

/* Cuts one raw entry out of every block of its kind that it touches inside the guest. */
static int idmap_punch(Idmap *m, const IdmapEntry *raw) {
        _cleanup_(idmap_done) Idmap result = {};
        uint64_t raw_end = (uint64_t) raw->guest + raw->range;
        int r = 0;

        for (size_t i = 0; i < m->n && r >= 0; i++) {
                IdmapEntry e = m->entries[i];
                uint64_t end = (uint64_t) e.guest + e.range;

                if (e.uid != raw->uid || end <= raw->guest || e.guest >= raw_end) {
                        r = idmap_add(&result, &e);
                        continue;
                }
                if (e.guest < raw->guest)
                        r = idmap_add(&result, &(IdmapEntry) { e.uid, e.gid, e.host, e.guest, raw->guest - e.guest });
                if (r >= 0 && end > raw_end)
                        r = idmap_add(&result, &(IdmapEntry) { e.uid, e.gid, (uint32_t) (e.host + (raw_end - e.guest)),
                                                               (uint32_t) raw_end, (uint32_t) (end - raw_end) });
        }
        if (r >= 0)
                r = idmap_add(&result, raw);
        if (r < 0)
                return r;

        free(m->entries);
        *m = result;
        result = (Idmap) {};
        return 0;
}

static int entry_compare(const void *a, const void *b) {
        const IdmapEntry *x = a, *y = b;

        if (x->uid != y->uid)
                return x->uid ? -1 : 1;
        return x->guest < y->guest ? -1 : x->guest > y->guest;
}

/* The kernel refuses maps where two blocks share host ids of one kind. */
static bool host_ranges_overlap(const Idmap *m) {
        for (size_t i = 0; i < m->n; i++)
                for (size_t j = i + 1; j < m->n; j++) {
                        const IdmapEntry *a = m->entries + i, *b = m->entries + j;

                        if (a->uid == b->uid && a->host < (uint64_t) b->host + b->range && b->host < (uint64_t) a->host + a->range)
                                return true;
                }
        return false;
}

int idmap_build(uint32_t base, uint32_t size, const Idmap *raw, Idmap *ret) {
        _cleanup_(idmap_done) Idmap m = {};
        int r;

        r = idmap_add(&m, &(IdmapEntry) { .uid = true, .host = base, .range = size });
        if (r >= 0)
                r = idmap_add(&m, &(IdmapEntry) { .gid = true, .host = base, .range = size });

        for (size_t i = 0; raw && r >= 0 && i < raw->n; i++) {
                IdmapEntry e = raw->entries[i];

                if (e.uid) {
                        e.gid = false;
                        r = idmap_punch(&m, &e);
                }
                if (r >= 0 && raw->entries[i].gid) {
                        e.uid = false;
                        e.gid = true;
                        r = idmap_punch(&m, &e);
                }
        }
        if (r < 0)
                return r;

        SORT(m.entries, m.n, entry_compare);
        if (host_ranges_overlap(&m))
                return -EINVAL;

        *ret = m;
        m = (Idmap) {};
        return 0;
}

int idmap_to_json(const Idmap *m, char **ret) {
        JsonWriter w = {};

        json_array_begin(&w, NULL);
        for (size_t i = 0; i < m->n; i++) {
                const IdmapEntry *e = m->entries + i;

                json_object_begin(&w, NULL);
                json_boolean(&w, "Isuid", e->uid);
                json_boolean(&w, "Isgid", e->gid);
                json_uint(&w, "Hostid", e->host);
                json_uint(&w, "Nsid", e->guest);
                json_uint(&w, "Maprange", e->range);
                json_object_end(&w);
        }
        json_array_end(&w);
        return json_finish_text(&w, ret);
}

static int entry_from_json(json_object *o, IdmapEntry *ret) {
        json_object *v;
        int64_t host, guest, range;

        *ret = (IdmapEntry) {};
        if (!json_object_is_type(o, json_type_object))
                return -EBADMSG;
        ret->uid = json_object_object_get_ex(o, "Isuid", &v) && json_object_get_boolean(v);
        ret->gid = json_object_object_get_ex(o, "Isgid", &v) && json_object_get_boolean(v);
        host = json_object_object_get_ex(o, "Hostid", &v) ? json_object_get_int64(v) : -1;
        guest = json_object_object_get_ex(o, "Nsid", &v) ? json_object_get_int64(v) : -1;
        range = json_object_object_get_ex(o, "Maprange", &v) ? json_object_get_int64(v) : -1;
        if (host < 0 || host > UINT32_MAX || guest < 0 || guest > UINT32_MAX || range <= 0 || range > UINT32_MAX)
                return -EBADMSG;
        ret->host = (uint32_t) host;
        ret->guest = (uint32_t) guest;
        ret->range = (uint32_t) range;
        return 0;
}

int idmap_from_json(const char *text, Idmap *ret) {
        _cleanup_(idmap_done) Idmap m = {};
        json_object *array = json_tokener_parse(text);
        int r = array && json_object_is_type(array, json_type_array) ? 0 : -EBADMSG;

        for (size_t i = 0; r >= 0 && i < json_object_array_length(array); i++) {
                IdmapEntry e;

                r = entry_from_json(json_object_array_get_idx(array, i), &e);
                if (r >= 0)
                        r = idmap_add(&m, &e);
        }
        json_object_put(array);
        if (r < 0)
                return r;
        *ret = m;
        m = (Idmap) {};
        return 0;
}

bool idmap_to_host(const Idmap *m, bool gid, uint32_t guest, uint32_t *ret) {
        for (size_t i = 0; i < m->n; i++) {
                const IdmapEntry *e = m->entries + i;

                if ((gid ? e->gid : e->uid) && guest >= e->guest && guest - e->guest < e->range) {
                        *ret = e->host + (guest - e->guest);
                        return true;
                }
        }
        return false;
}
