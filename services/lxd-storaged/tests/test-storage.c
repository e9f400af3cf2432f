/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of lxd-storaged: names and URLs, defaults, checks of keys, names from patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "driver.h"
#include "layout.h"
#include "mount.h"
#include "snapshot.h"

#define GIB (1024ULL * 1024 * 1024)

static void assert_text(int r, char *text, const char *expected) {
        assert_int_equal(r, 0);
        assert_string_equal(text, expected);
        free(text);
}

static void test_paths(void **state) {
        char *s = NULL;
        int r;

        r = layout_volume("container", "default", "c1", &s);
        assert_text(r, s, "containers/c1");
        r = layout_volume("container", "work", "c1", &s);
        assert_text(r, s, "containers/work_c1");
        r = layout_volume("custom", "default", "v", &s);
        assert_text(r, s, "custom/default_v");
        r = layout_volume("image", "work", "abc", &s);
        assert_text(r, s, "images/abc");
        r = layout_volume("virtual-machine", "default", "vm", &s);
        assert_text(r, s, "virtual-machines/vm");
        r = layout_snapshot("container", "work", "c1", "snap0", &s);
        assert_text(r, s, "containers-snapshots/work_c1/snap0");
        r = layout_snapshots("custom", "default", "v", &s);
        assert_text(r, s, "custom-snapshots/default_v");
        r = layout_pool("/var/lib/lxd", "p", &s);
        assert_text(r, s, "/var/lib/lxd/storage-pools/p");
        r = layout_loop_file("/var/lib/lxd", "p", &s);
        assert_text(r, s, "/var/lib/lxd/disks/p.img");
        assert_int_equal(layout_volume("bucket", "default", "v", &s), -EINVAL);
}

static void test_urls(void **state) {
        char *s = NULL;
        int r;

        r = layout_volume_url("p", "custom", "default", "v", NULL, &s);
        assert_text(r, s, "/1.0/storage-pools/p/volumes/custom/v");
        r = layout_volume_url("p", "custom", "work", "v", "s0", &s);
        assert_text(r, s, "/1.0/storage-pools/p/volumes/custom/v/snapshots/s0?project=work");
        r = layout_volume_url("p%", "custom", "default", "a?b", NULL, &s);
        assert_text(r, s, "/1.0/storage-pools/p%25/volumes/custom/a%3Fb");
        r = layout_owner_url("container", "work", "c1", "s0", &s);
        assert_text(r, s, "/1.0/instances/c1/snapshots/s0?project=work");
        r = layout_owner_url("image", "default", "abc", NULL, &s);
        assert_text(r, s, "/1.0/images/abc");
        assert_int_equal(layout_owner_url("custom", "default", "v", NULL, &s), 0);
        assert_null(s);
}

static void test_loop_size(void **state) {
        assert_int_equal(layout_loop_size_gib(0), 5);
        assert_int_equal(layout_loop_size_gib(20 * GIB), 5);
        assert_int_equal(layout_loop_size_gib(60 * GIB), 12);
        assert_int_equal(layout_loop_size_gib(1000 * GIB), 30);
}

static void test_btrfs_fill(void **state) {
        _cleanup_(config_done) Config c = {};

        assert_int_equal(driver_btrfs.pool_fill("/l", "p", 100 * GIB, &c, NULL), 0);
        assert_string_equal(config_get(&c, "source"), "/l/disks/p.img");
        assert_string_equal(config_get(&c, "size"), "20GiB");
        assert_null(config_get(&c, "volatile.initial_source"));

        config_done(&c);
        assert_int_equal(config_set(&c, "source", "/dev/sdx"), 0);
        assert_int_equal(config_set(&c, "size", "1GiB"), 0);
        assert_int_equal(driver_btrfs.pool_fill("/l", "p", 100 * GIB, &c, NULL), 0);
        assert_string_equal(config_get(&c, "source"), "/dev/sdx");
        assert_string_equal(config_get(&c, "volatile.initial_source"), "/dev/sdx");
        assert_null(config_get(&c, "size"));

        config_done(&c);
        assert_int_equal(config_set(&c, "source", "relative"), 0);
        assert_true(driver_btrfs.pool_fill("/l", "p", 100 * GIB, &c, NULL) < 0);
}

static void test_dir_fill(void **state) {
        _cleanup_(config_done) Config c = {};
        Pool p = { .name = (char *) "p" };

        assert_int_equal(driver_dir.pool_fill("/l", "p", 0, &c, NULL), 0);
        assert_string_equal(config_get(&c, "source"), "/l/storage-pools/p");
        p.config = c;
        assert_false(driver_dir.pool_needs_mount("/l", &p));
        assert_int_equal(config_set(&c, "source", "/srv/x"), 0);
        p.config = c;
        assert_true(driver_dir.pool_needs_mount("/l", &p));
}

static void test_volume_defaults(void **state) {
        _cleanup_(config_done) Config c = {};
        Pool p = { .name = (char *) "p" };

        assert_int_equal(config_set(&p.config, "volume.size", "10MiB"), 0);
        assert_int_equal(config_set(&p.config, "volume.snapshots.expiry", "1d"), 0);
        assert_int_equal(config_set(&p.config, "size", "1GiB"), 0);
        assert_int_equal(config_set(&c, "size", "20MiB"), 0);
        assert_int_equal(driver_fill_volume(&p, &c), 0);
        assert_int_equal(c.n, 2);
        assert_string_equal(config_get(&c, "size"), "20MiB");
        assert_string_equal(config_get(&c, "snapshots.expiry"), "1d");
        assert_true(driver_volume_quota(&c) == 20 * 1024 * 1024);
        assert_true(driver_instance_quota(&p, &c) == 20 * 1024 * 1024);
        config_done(&c);
        assert_true(driver_volume_quota(&c) == 0);
        assert_true(driver_instance_quota(&p, &c) == 10 * 1024 * 1024);
        config_done(&p.config);
}

static void test_schedules(void **state) {
        static const char *const good[] = { "@daily", "@hourly, @weekly", "0 3 * * *", "*/5 0-6 1,15 * 1", "@never" };
        static const char *const bad[] = { "daily", "@sometimes", "* * * *", "* * * * * *", "a b c d e", "@daily, x" };
        const char *reason = NULL;

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_int_equal(check_volume_schedule(good[i], &reason), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(check_volume_schedule(bad[i], &reason), -EINVAL);
}

static void test_snapshot_names(void **state) {
        Snapshot items[] = { { .name = (char *) "snap0" }, { .name = (char *) "snap2" }, { .name = (char *) "day" } };
        SnapshotList list = { items, ELEMENTSOF(items) };
        char *s = NULL;
        int r;

        r = snapshot_name_from_pattern("snap%d", &list, &s);
        assert_text(r, s, "snap3");
        r = snapshot_name_from_pattern("x%dy", &list, &s);
        assert_text(r, s, "x0y");
        r = snapshot_name_from_pattern("day", &list, &s);
        assert_text(r, s, "day-0");
        r = snapshot_name_from_pattern("night", &list, &s);
        assert_text(r, s, "night");
        assert_int_equal(snapshot_name_from_pattern("{{ volume.name }}", &list, &s), -EINVAL);
        assert_int_equal(snapshot_name_from_pattern("../%d", &list, &s), -EINVAL);
}

static void test_mount_options(void **state) {
        _cleanup_free_ char *data = NULL;
        unsigned long flags = 0;

        assert_int_equal(mount_options_parse("user_subvol_rm_allowed", &flags, &data), 0);
        assert_int_equal(flags, 0);
        assert_string_equal(data, "user_subvol_rm_allowed");
        free(TAKE_PTR(data));
        assert_int_equal(mount_options_parse("noatime,compress=zstd:3,nodev,autodefrag", &flags, &data), 0);
        assert_int_equal(flags, MS_NOATIME | MS_NODEV);
        assert_string_equal(data, "compress=zstd:3,autodefrag");
        free(TAKE_PTR(data));
        assert_int_equal(mount_options_parse("ro,rw,defaults", &flags, &data), 0);
        assert_int_equal(flags, 0);
        assert_null(data);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_paths),      cmocka_unit_test(test_urls),           cmocka_unit_test(test_loop_size),
                cmocka_unit_test(test_btrfs_fill), cmocka_unit_test(test_dir_fill),       cmocka_unit_test(test_volume_defaults),
                cmocka_unit_test(test_schedules),  cmocka_unit_test(test_snapshot_names), cmocka_unit_test(test_mount_options),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
