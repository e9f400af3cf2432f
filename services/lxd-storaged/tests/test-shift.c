/* SPDX-License-Identifier: Apache-2.0 */
/* Ids from one map to another, in ACLs and capabilities too, and plans that were cut off. */
#include <endian.h>
#include <linux/capability.h>
#include <linux/posix_acl_xattr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "shift-plan.h"

static IdMap map_of(const char *line) {
        char *lines[] = { (char *) line, NULL };
        IdMap m = {};

        assert_int_equal(id_map_parse(line ? lines : NULL, &m), 0);
        return m;
}

static void test_parse(void **state) {
        static const char *const bad[] = { "", "x 0 1 1", "u 0 1", "u 0 1 0", "u -1 1 1", "u 4294967295 0 2", "u 0 4294967290 10", "u a 1 1" };
        IdMap m = {};

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char *lines[] = { (char *) bad[i], NULL };

                assert_int_equal(id_map_parse(lines, &m), -EINVAL);
        }
}

static void test_translate(void **state) {
        _cleanup_(id_map_done) IdMap none = map_of(NULL), users = map_of("u 0 100000 65536"), both = map_of("b 0 1 1000");

        assert_int_equal(id_translate(&none, &users, false, 0), 100000);
        assert_int_equal(id_translate(&none, &users, false, 65535), 165535);
        assert_int_equal(id_translate(&none, &users, false, 65536), 65536); /* not mapped: as it is */
        assert_int_equal(id_translate(&none, &users, true, 5), 5);
        assert_int_equal(id_translate(&users, &none, false, 100033), 33);
        assert_int_equal(id_translate(&users, &none, false, 33), 33);
        assert_int_equal(id_translate(&users, &both, false, 100001), 2);
        assert_int_equal(id_translate(&both, &none, true, 1), 0);
}

static void test_acl(void **state) {
        _cleanup_(id_map_done) IdMap none = map_of(NULL), map = map_of("b 0 100000 65536");
        struct {
                struct posix_acl_xattr_header header;
                struct posix_acl_xattr_entry entries[3];
        } acl = {
                .header = { htole32(POSIX_ACL_XATTR_VERSION) },
                .entries = { { htole16(0x01), htole16(6), htole32(0xffffffff) },
                             { htole16(0x02), htole16(6), htole32(7) },
                             { htole16(0x08), htole16(4), htole32(8) } },
        };

        assert_false(acl_translate(&none, &map, &acl, 3));
        assert_true(acl_translate(&none, &map, &acl, sizeof(acl)));
        assert_int_equal(le32toh(acl.entries[0].e_id), 0xffffffff);
        assert_int_equal(le32toh(acl.entries[1].e_id), 100007);
        assert_int_equal(le32toh(acl.entries[2].e_id), 100008);
        assert_false(acl_translate(&none, &map, &acl, sizeof(acl))); /* outside of the map by now */
        assert_true(acl_translate(&map, &none, &acl, sizeof(acl)));
        assert_int_equal(le32toh(acl.entries[2].e_id), 8);
}

static void test_capability(void **state) {
        _cleanup_(id_map_done) IdMap none = map_of(NULL), map = map_of("b 0 100000 65536"), other = map_of("b 0 200000 65536");
        struct vfs_ns_cap_data v2 = { .magic_etc = htole32(VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE) }, c;
        unsigned char a[CAPABILITY_SIZE_MAX], b[CAPABILITY_SIZE_MAX];

        assert_int_equal(capability_translate(&none, &map, &v2, XATTR_CAPS_SZ_2, a), XATTR_CAPS_SZ_3);
        memcpy(&c, a, sizeof(c));
        assert_int_equal(le32toh(c.magic_etc), VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE);
        assert_int_equal(le32toh(c.rootid), 100000);
        assert_int_equal(capability_translate(&map, &other, a, XATTR_CAPS_SZ_3, b), XATTR_CAPS_SZ_3);
        memcpy(&c, b, sizeof(c));
        assert_int_equal(le32toh(c.rootid), 200000);
        assert_int_equal(capability_translate(&map, &none, a, XATTR_CAPS_SZ_3, b), XATTR_CAPS_SZ_2);
        memcpy(&c, b, XATTR_CAPS_SZ_2);
        assert_int_equal(le32toh(c.magic_etc), VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE);
        assert_int_equal(capability_translate(&none, &none, &v2, XATTR_CAPS_SZ_2, b), 0);
        assert_int_equal(capability_translate(&none, &map, &v2, 7, b), 0);
}

static FILE *plan_new(bool finish) {
        FILE *f = tmpfile();
        ShiftRecord x = { .path = (char *) "a/b", .inode = 42, .mode = { 0100644, 0100600 }, .uid = { 1, 2 }, .gid = { 3, 4 } };

        assert_non_null(f);
        x.values[SHIFT_CAPABILITY][SHIFT_NEW] = (ShiftValue) { (void *) "value", 5 };
        assert_int_equal(shift_plan_begin(f, "", "u 0 1 2"), 0);
        assert_int_equal(shift_plan_add(f, &x), 0);
        if (finish)
                assert_int_equal(shift_plan_finish(f, 1), 0);
        return f;
}

static void test_plan(void **state) {
        _cleanup_fclose_ FILE *f = plan_new(true);
        _cleanup_(shift_record_done) ShiftRecord x = {};
        _cleanup_free_ char *old_map = NULL, *new_map = NULL;

        assert_int_equal(shift_plan_check(f, &old_map, &new_map), 1);
        assert_string_equal(old_map, "");
        assert_string_equal(new_map, "u 0 1 2");
        assert_int_equal(shift_plan_next(f, &x), 1);
        assert_string_equal(x.path, "a/b");
        assert_int_equal(x.inode, 42);
        assert_int_equal(x.mode[SHIFT_NEW], 0100600);
        assert_int_equal(x.uid[SHIFT_OLD], 1);
        assert_int_equal(x.gid[SHIFT_NEW], 4);
        assert_null(x.values[SHIFT_CAPABILITY][SHIFT_OLD].data);
        assert_memory_equal(x.values[SHIFT_CAPABILITY][SHIFT_NEW].data, "value", 5);
        shift_record_done(&x);
        assert_int_equal(shift_plan_next(f, &x), 0);
}

/* Cut off anywhere it is no plan: nothing had been touched. */
static void test_plan_cut_off(void **state) {
        _cleanup_fclose_ FILE *whole = plan_new(true);
        char *a = NULL, *b = NULL;
        long size;

        assert_int_equal(fseek(whole, 0, SEEK_END), 0);
        size = ftell(whole);
        for (long i = 0; i < size; i++) {
                _cleanup_fclose_ FILE *f = plan_new(true);

                assert_int_equal(ftruncate(fileno(f), i), 0);
                assert_int_equal(shift_plan_check(f, &a, &b), 0);
        }
}

static void test_plan_damaged(void **state) {
        _cleanup_fclose_ FILE *f = plan_new(true);
        _cleanup_(shift_record_done) ShiftRecord x = {};
        _cleanup_free_ char *old_map = NULL, *new_map = NULL;
        long at;

        assert_int_equal(shift_plan_check(f, &old_map, &new_map), 1);
        at = ftell(f);
        assert_int_equal(fseek(f, at + 5, SEEK_SET), 0); /* the "/" of "a/b", behind the size */
        assert_int_equal(fputc('\0', f), '\0');
        assert_int_equal(fseek(f, at, SEEK_SET), 0);
        assert_int_equal(shift_plan_next(f, &x), -EBADMSG);
        assert_null(x.path);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),      cmocka_unit_test(test_translate), cmocka_unit_test(test_acl),
                cmocka_unit_test(test_capability), cmocka_unit_test(test_plan),      cmocka_unit_test(test_plan_cut_off),
                cmocka_unit_test(test_plan_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
