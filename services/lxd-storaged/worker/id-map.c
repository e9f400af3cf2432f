/* SPDX-License-Identifier: Apache-2.0 */
/* Translating ids, and the two extended attributes that have some in them. */
#include "id-map.h"

#include <endian.h>
#include <linux/capability.h>
#include <linux/posix_acl_xattr.h>

void id_map_done(IdMap *m) {
        free(m->ranges);
        *m = (IdMap) {};
}

static int range_parse(const char *line, IdRange *ret) {
        _cleanup_strv_free_ Strv fields = NULL;
        IdRange range = {};
        int r;

        r = strv_split(line, " ", &fields);
        if (r < 0)
                return r;
        if (strv_length(fields) != 4 || parse_u32(fields[1], &range.inside) < 0 || parse_u32(fields[2], &range.outside) < 0 ||
            parse_u32(fields[3], &range.range) < 0)
                return -EINVAL;
        range.uid = streq(fields[0], "u") || streq(fields[0], "b");
        range.gid = streq(fields[0], "g") || streq(fields[0], "b");
        if ((!range.uid && !range.gid) || range.range == 0 || range.inside > UINT32_MAX - range.range ||
            range.outside > UINT32_MAX - range.range)
                return -EINVAL;
        *ret = range;
        return 0;
}

int id_map_parse(char *const *lines, IdMap *ret) {
        _cleanup_(id_map_done) IdMap m = { .ranges = calloc(strv_length(lines) + 1, sizeof(IdRange)) };
        int r;

        if (!m.ranges)
                return -ENOMEM;
        STRV_FOREACH(line, lines) {
                r = range_parse(*line, &m.ranges[m.n]);
                if (r < 0)
                        return r;
                m.n++;
        }
        *ret = m;
        m = (IdMap) {};
        return 0;
}

static bool map_find(const IdMap *m, bool gid, bool outward, uint32_t id, uint32_t *ret) {
        if (m->n == 0) {
                *ret = id;
                return true;
        }
        for (size_t i = 0; i < m->n; i++) {
                const IdRange *e = m->ranges + i;
                uint32_t base = outward ? e->inside : e->outside;

                if ((gid ? e->gid : e->uid) && id >= base && id - base < e->range) {
                        *ret = (outward ? e->outside : e->inside) + (id - base);
                        return true;
                }
        }
        return false;
}

uint32_t id_translate(const IdMap *from, const IdMap *to, bool gid, uint32_t id) {
        uint32_t inside, outside;

        return map_find(from, gid, false, id, &inside) && map_find(to, gid, true, inside, &outside) ? outside : id;
}

bool acl_translate(const IdMap *from, const IdMap *to, void *value, size_t size) {
        struct posix_acl_xattr_header header;
        unsigned char *p = value;
        bool changed = false;

        if (size < sizeof(header) || (size - sizeof(header)) % sizeof(struct posix_acl_xattr_entry) != 0)
                return false;
        memcpy(&header, p, sizeof(header));
        if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION)
                return false;
        for (size_t at = sizeof(header); at < size; at += sizeof(struct posix_acl_xattr_entry)) {
                struct posix_acl_xattr_entry e;
                uint32_t id;

                memcpy(&e, p + at, sizeof(e));
                if (le16toh(e.e_tag) != 0x02 /* ACL_USER */ && le16toh(e.e_tag) != 0x08 /* ACL_GROUP */)
                        continue;
                id = id_translate(from, to, le16toh(e.e_tag) == 0x08, le32toh(e.e_id));
                changed |= id != le32toh(e.e_id);
                e.e_id = htole32(id);
                memcpy(p + at, &e, sizeof(e));
        }
        return changed;
}

size_t capability_translate(const IdMap *from, const IdMap *to, const void *value, size_t size,
                            unsigned char ret[static CAPABILITY_SIZE_MAX]) {
        struct vfs_ns_cap_data c = {};
        uint32_t root = 0, magic, new_root;

        if (size != XATTR_CAPS_SZ_2 && size != XATTR_CAPS_SZ_3)
                return 0;
        memcpy(&c, value, size);
        magic = le32toh(c.magic_etc);
        if ((magic & VFS_CAP_REVISION_MASK) != (size == XATTR_CAPS_SZ_3 ? VFS_CAP_REVISION_3 : VFS_CAP_REVISION_2))
                return 0;
        if (size == XATTR_CAPS_SZ_3)
                root = le32toh(c.rootid);
        new_root = id_translate(from, to, false, root);
        if (new_root == root)
                return 0;
        magic = (magic & ~VFS_CAP_REVISION_MASK) | (new_root == 0 ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3);
        c.magic_etc = htole32(magic);
        c.rootid = htole32(new_root);
        size = new_root == 0 ? XATTR_CAPS_SZ_2 : XATTR_CAPS_SZ_3;
        memcpy(ret, &c, size);
        return size;
}
