/* SPDX-License-Identifier: Apache-2.0 */
/* What the unpacker may ask for arrives as it was; what it may not is refused, wherever the file ends. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "unpack-record.h"

typedef struct Head { /* as in unpack-record.c */
        uint32_t kind, uid, gid, mode, path_size, name_size, value_size;
} Head;

static int read_bytes(const void *data, size_t n, UnpackRecord *ret) {
        _cleanup_fclose_ FILE *f = tmpfile();

        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, n, f), n);
        rewind(f);
        return unpack_record_read(f, ret);
}

static int read_head(Head h, const char *path, const char *name, size_t value, UnpackRecord *ret) {
        _cleanup_free_ char *data = NULL;
        size_t p = h.path_size ?: strlen(path), n = h.name_size ?: strlen(name), size = sizeof(h) + p + n + value;

        data = calloc(1, size);
        assert_non_null(data);
        h.path_size = (uint32_t) p;
        h.name_size = (uint32_t) n;
        h.value_size = (uint32_t) value;
        memcpy(data, &h, sizeof(h));
        memcpy(data + sizeof(h), path, MIN(p, strlen(path) + 1));
        memcpy(data + sizeof(h) + p, name, MIN(n, strlen(name) + 1));
        return read_bytes(data, size, ret);
}

static void test_round(void **state) {
        _cleanup_free_ UnpackRecord *x = malloc(sizeof(*x));
        _cleanup_fclose_ FILE *f = tmpfile();

        assert_int_equal(unpack_record_write_owner(f, "rootfs/bin/su", 1, 4294967294, 04755), 0);
        assert_int_equal(unpack_record_write_xattr(f, "rootfs", "user.x", "a\0b", 3), 0);
        rewind(f);
        assert_int_equal(unpack_record_read(f, x), 1);
        assert_int_equal(x->kind, UNPACK_RECORD_OWNER);
        assert_string_equal(x->path, "rootfs/bin/su");
        assert_int_equal(x->uid, 1);
        assert_true(x->gid == 4294967294);
        assert_int_equal(x->mode, 04755);
        assert_int_equal(unpack_record_read(f, x), 1);
        assert_int_equal(x->kind, UNPACK_RECORD_XATTR);
        assert_string_equal(x->name, "user.x");
        assert_int_equal(x->value_size, 3);
        assert_memory_equal(x->value, "a\0b", 3);
        assert_int_equal(unpack_record_read(f, x), 0);
}

static void test_cut_off(void **state) {
        _cleanup_free_ UnpackRecord *x = malloc(sizeof(*x));
        _cleanup_free_ char *data = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&data, &size);

        assert_int_equal(unpack_record_write_xattr(f, "rootfs/a", "security.capability", "value", 5), 0);
        fclose(f);
        assert_int_equal(read_bytes(data, 0, x), 0);
        for (size_t n = 1; n < size; n++)
                assert_int_equal(read_bytes(data, n, x), -EBADMSG);
        assert_int_equal(read_bytes(data, size, x), 1);
}

static void test_refused(void **state) {
        _cleanup_free_ UnpackRecord *x = malloc(sizeof(*x));
        const Head owner = { .kind = UNPACK_RECORD_OWNER }, xattr = { .kind = UNPACK_RECORD_XATTR };
        Head h;

        assert_int_equal(read_head(owner, "rootfs", "", 0, x), 1);
        assert_int_equal(read_head(xattr, "rootfs", "user.a", UNPACK_RECORD_VALUE_MAX, x), 1);
        assert_int_equal(read_head(xattr, "rootfs", "user.a", UNPACK_RECORD_VALUE_MAX + 1, x), -EBADMSG);
        static const char *const paths[] = { "", "/", "rootf", "rootfsx", "metadata.yaml", "../rootfs", "/rootfs", "./rootfs" };
        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                assert_int_equal(read_head(owner, paths[i], "", 0, x), -EBADMSG);
        static const char *const names[] = { "", "user.", "trusted.overlay.opaque", "security.selinux", "security.ima", "system.posix_acl" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_int_equal(read_head(xattr, "rootfs", names[i], 1, x), -EBADMSG);
        h = owner, h.kind = 0, assert_int_equal(read_head(h, "rootfs", "", 0, x), -EBADMSG);
        h = owner, h.kind = 3, assert_int_equal(read_head(h, "rootfs", "", 0, x), -EBADMSG);
        h = owner, h.mode = 010000, assert_int_equal(read_head(h, "rootfs", "", 0, x), -EBADMSG);
        h = owner, h.uid = UINT32_MAX, assert_int_equal(read_head(h, "rootfs", "", 0, x), -EBADMSG);
        h = owner, h.gid = UINT32_MAX, assert_int_equal(read_head(h, "rootfs", "", 0, x), -EBADMSG);
        h = owner, h.path_size = 9, assert_int_equal(read_head(h, "rootfs/", "", 0, x), -EBADMSG); /* NUL inside */
        h = owner, h.path_size = UNPACK_RECORD_PATH_MAX + 1, assert_int_equal(read_head(h, "rootfs/", "", 0, x), -EBADMSG);
        h = xattr, h.name_size = UNPACK_RECORD_NAME_MAX + 1, assert_int_equal(read_head(h, "rootfs", "user.a", 0, x), -EBADMSG);
}

static void test_limits(void **state) {
        _cleanup_fclose_ FILE *f = tmpfile();
        char path[UNPACK_RECORD_PATH_MAX + 2] = {};
        static const char value[UNPACK_RECORD_VALUE_MAX + 1];

        memset(path, 'x', sizeof(path) - 1);
        assert_int_equal(unpack_record_write_owner(f, path, 0, 0, 0), -ENAMETOOLONG);
        assert_int_equal(unpack_record_write_xattr(f, "rootfs", path, "", 0), -ENAMETOOLONG);
        assert_int_equal(unpack_record_write_xattr(f, "rootfs", "user.x", value, sizeof(value)), -E2BIG);
        assert_int_equal(fseeko(f, UNPACK_RECORDS_SIZE_MAX, SEEK_SET), 0);
        assert_int_equal(unpack_record_write_owner(f, "rootfs", 0, 0, 0), -EFBIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round),
                cmocka_unit_test(test_cut_off),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
