/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and reading plans. The file is read by the program that wrote it, on the same machine: numbers are as the machine has them. */
#include "shift-plan.h"

#define MAGIC "lxd-shift-1\n"
#define TRAILER "complete\n"
#define TEXT_MAX (64U * 1024U)

const char *const shift_attribute_names[SHIFT_ATTRIBUTE_MAX] = {
        [SHIFT_ACL_ACCESS] = "system.posix_acl_access",
        [SHIFT_ACL_DEFAULT] = "system.posix_acl_default",
        [SHIFT_CAPABILITY] = "security.capability",
};

void shift_record_done(ShiftRecord *r) {
        free(r->path);
        for (size_t i = 0; i < SHIFT_ATTRIBUTE_MAX; i++)
                for (size_t k = 0; k < SHIFT_SIDE_MAX; k++)
                        free(r->values[i][k].data);
        *r = (ShiftRecord) {};
}

static int put(FILE *f, const void *data, size_t size) {
        return size == 0 || fwrite(data, size, 1, f) == 1 ? 0 : -(errno ?: EIO);
}

static int put_block(FILE *f, const void *data, size_t size) {
        uint32_t n = (uint32_t) size;
        int r = put(f, &n, sizeof(n));

        return r < 0 ? r : put(f, data, size);
}

/* 1, 0 (end of the file), -errno. */
static int get(FILE *f, void *data, size_t size) {
        if (size == 0 || fread(data, size, 1, f) == 1)
                return 1;
        return ferror(f) ? -EIO : 0;
}

/* NUL-terminated; NULL when empty. 1, 0, -EBADMSG, -errno. */
static int get_block(FILE *f, void **ret, size_t *ret_size) {
        _cleanup_free_ char *data = NULL;
        uint32_t n;
        int r;

        r = get(f, &n, sizeof(n));
        if (r <= 0)
                return r;
        if (n > TEXT_MAX)
                return -EBADMSG;
        if (n > 0) {
                data = malloc(n + 1);
                if (!data)
                        return -ENOMEM;
                r = get(f, data, n);
                if (r <= 0)
                        return r;
                data[n] = '\0';
        }
        *ret = TAKE_PTR(data);
        if (ret_size)
                *ret_size = n;
        return 1;
}

int shift_plan_begin(FILE *f, const char *old_map, const char *new_map) {
        int r;

        r = put(f, MAGIC, STRLEN(MAGIC));
        if (r >= 0)
                r = put_block(f, old_map, strlen(old_map));
        return r < 0 ? r : put_block(f, new_map, strlen(new_map));
}

int shift_plan_add(FILE *f, const ShiftRecord *x) {
        int r;

        r = put_block(f, x->path, strlen(x->path));
        if (r >= 0)
                r = put(f, &x->inode, sizeof(x->inode));
        if (r >= 0)
                r = put(f, x->mode, sizeof(x->mode));
        if (r >= 0)
                r = put(f, x->uid, sizeof(x->uid));
        if (r >= 0)
                r = put(f, x->gid, sizeof(x->gid));
        for (size_t i = 0; r >= 0 && i < SHIFT_ATTRIBUTE_MAX; i++)
                for (size_t k = 0; r >= 0 && k < SHIFT_SIDE_MAX; k++)
                        r = put_block(f, x->values[i][k].data, x->values[i][k].size);
        return r;
}

int shift_plan_finish(FILE *f, uint64_t records) {
        int r;

        r = put_block(f, NULL, 0); /* a record without a path is the end */
        if (r >= 0)
                r = put(f, &records, sizeof(records));
        if (r >= 0)
                r = put(f, TRAILER, STRLEN(TRAILER));
        if (r < 0)
                return r;
        return fflush(f) != 0 || fsync(fileno(f)) < 0 ? -errno : 0;
}

int shift_plan_check(FILE *f, char **ret_old_map, char **ret_new_map) {
        _cleanup_free_ char *old_map = NULL, *new_map = NULL;
        char magic[STRLEN(MAGIC)], trailer[STRLEN(TRAILER)];
        int r;

        if (fseek(f, -(long) STRLEN(TRAILER), SEEK_END) < 0)
                return errno == EINVAL ? 0 : -errno; /* shorter than that */
        r = get(f, trailer, sizeof(trailer));
        if (r <= 0 || memcmp(trailer, TRAILER, sizeof(trailer)) != 0)
                return r < 0 ? r : 0;
        rewind(f);
        r = get(f, magic, sizeof(magic));
        if (r <= 0 || memcmp(magic, MAGIC, sizeof(magic)) != 0)
                return r < 0 ? r : -EBADMSG;
        r = get_block(f, (void **) &old_map, NULL);
        if (r > 0)
                r = get_block(f, (void **) &new_map, NULL);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if ((!old_map && !(old_map = strdup(""))) || (!new_map && !(new_map = strdup(""))))
                return -ENOMEM;
        *ret_old_map = TAKE_PTR(old_map);
        *ret_new_map = TAKE_PTR(new_map);
        return 1;
}

int shift_plan_next(FILE *f, ShiftRecord *ret) {
        _cleanup_(shift_record_done) ShiftRecord x = {};
        size_t size;
        int r;

        r = get_block(f, (void **) &x.path, &size);
        if (r > 0 && !x.path)
                return 0;
        if (r > 0 && strlen(x.path) != size)
                return -EBADMSG;
        if (r > 0)
                r = get(f, &x.inode, sizeof(x.inode));
        if (r > 0)
                r = get(f, x.mode, sizeof(x.mode));
        if (r > 0)
                r = get(f, x.uid, sizeof(x.uid));
        if (r > 0)
                r = get(f, x.gid, sizeof(x.gid));
        for (size_t i = 0; r > 0 && i < SHIFT_ATTRIBUTE_MAX; i++)
                for (size_t k = 0; r > 0 && k < SHIFT_SIDE_MAX; k++)
                        r = get_block(f, &x.values[i][k].data, &x.values[i][k].size);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        *ret = x;
        x = (ShiftRecord) {};
        return 1;
}
