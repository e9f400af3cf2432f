/* SPDX-License-Identifier: Apache-2.0 */
/* Translating ids by lxc.idmap lines. */
#include "guest-ids.h"

typedef struct IdLine {
        bool uid, gid;
        uint64_t inside, outside, range;
} IdLine;

static int id_line_parse(const char *text, IdLine *ret) {
        _cleanup_strv_free_ Strv fields = NULL;
        IdLine l = {};
        int r;

        r = strv_split(text, " \t", &fields);
        if (r < 0)
                return r;
        if (strv_length(fields) != 4)
                return -EINVAL;
        l.uid = streq(fields[0], "u") || streq(fields[0], "b");
        l.gid = streq(fields[0], "g") || streq(fields[0], "b");
        if (!(l.uid || l.gid) || parse_u64(fields[1], &l.inside) < 0 || parse_u64(fields[2], &l.outside) < 0 ||
            parse_u64(fields[3], &l.range) < 0)
                return -EINVAL;
        if (l.inside > UINT32_MAX || l.outside > UINT32_MAX || l.range > UINT32_MAX || l.range == 0 ||
            l.inside + l.range - 1 > UINT32_MAX || l.outside + l.range - 1 >= UINT32_MAX)
                return -EINVAL;
        *ret = l;
        return 0;
}

int guest_id_to_host(char *const *idmap, bool gid, uint32_t id, uint32_t *ret) {
        IdLine l;

        if (strv_length(idmap) == 0) {
                *ret = id;
                return 0;
        }
        STRV_FOREACH(line, idmap) {
                int r = id_line_parse(*line, &l);

                if (r < 0)
                        return r;
                if ((gid ? l.gid : l.uid) && id >= l.inside && id - l.inside < l.range) {
                        *ret = (uint32_t) (l.outside + (id - l.inside));
                        return 0;
                }
        }
        return -ERANGE;
}

uint32_t guest_id_from_host(char *const *idmap, bool gid, uint32_t id) {
        IdLine l;

        if (strv_length(idmap) == 0)
                return id;
        STRV_FOREACH(line, idmap)
                if (id_line_parse(*line, &l) >= 0 && (gid ? l.gid : l.uid) && id >= l.outside && id - l.outside < l.range)
                        return (uint32_t) (l.inside + (id - l.outside));
        return GUEST_ID_NOBODY;
}
