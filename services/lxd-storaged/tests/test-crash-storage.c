/* SPDX-License-Identifier: Apache-2.0 */
/* kill -9 at every step of every job, in the daemon and in its worker: after the next start nothing is half made, the same
 * request works, and everything can be removed. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "bus-message.h"
#include "harness.h"

#define WHO "u", "unix", ""
#define NO_FLAGS ((uint64_t) 0)
#define FP "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"

/* A job, the points at which it is cut off, and what must hold afterwards besides that all can be removed. */
typedef struct Scenario {
        const char *name;
        void (*prepare)(Harness *h);
        int (*act)(Harness *h);
        void (*check)(Harness *h); /* after the restart */
        const char *points[12];
        bool btrfs_only;
} Scenario;

static int create_pool(Harness *h, const char *driver) {
        if (streq(driver, "btrfs"))
                return harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", "p", driver, "", 1, "size", "128MiB", WHO,
                                    NO_FLAGS);
        return harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", "p", driver, "", 0, WHO, NO_FLAGS);
}

static int create_volume(Harness *h) {
        return harness_call(h, "/pool/p", "Pool", "CreateVolume", "sssssa{ss}(sss)t", "default", "custom", "", "v", "", 0, WHO,
                            NO_FLAGS);
}

static int create_snapshot(Harness *h) {
        return harness_operation(h, "/volume/p/custom/default/v", "Volume", "CreateSnapshot", "st(sss)t", "s", NO_FLAGS, WHO,
                                 NO_FLAGS);
}

static int restore_snapshot(Harness *h) {
        return harness_call(h, "/volume/p/custom/default/v", "Volume", "Restore", "s(sss)t", "s", WHO, NO_FLAGS);
}

static int rename_volume(Harness *h) {
        return harness_call(h, "/volume/p/custom/default/v", "Volume", "Rename", "s(sss)t", "w", WHO, NO_FLAGS);
}

static int rename_snapshot(Harness *h) {
        return harness_operation(h, "/volume_snapshot/p/custom/default/v/s", "VolumeSnapshot", "Rename", "s(sss)t", "t", WHO, NO_FLAGS);
}

static int delete_named(Harness *h, const char *name) {
        _cleanup_free_ char *path = NULL;

        assert_true(str_format(&path, "/volume/p/custom/default/%s", name) >= 0);
        return harness_call(h, path, "Volume", "Delete", "(sss)t", WHO, NO_FLAGS);
}

static int delete_volume(Harness *h) {
        return delete_named(h, "v");
}

static int delete_snapshot(Harness *h) {
        return harness_operation(h, "/volume_snapshot/p/custom/default/v/s", "VolumeSnapshot", "Delete", "(sss)t", WHO, NO_FLAGS);
}

static int copy_volume(Harness *h) {
        return harness_operation(h, "/pool/p", "Pool", "CopyVolume", "sssa{ss}a{ss}(sss)t", "default", "w", "", 0, 1, "name", "v", WHO,
                                 NO_FLAGS);
}

static int move_volume(Harness *h) {
        return harness_operation(h, "/volume/p/custom/default/v", "Volume", "Move", "ss(sss)t", "q", "w", WHO, NO_FLAGS);
}

static int create_guest(Harness *h) {
        return harness_call(h, "", "Guests", "CreateVolume", "sssa{ss}a{ss}t", "p", "default", "c1", 0, 2, "type", "image",
                            "fingerprint", FP, NO_FLAGS);
}

static int resize_volume(Harness *h) {
        return harness_call(h, "/volume/p/custom/default/v", "Volume", "Update", "sa{ss}s(sss)t", "", 1, "size", "20MiB", "", WHO,
                            (uint64_t) (UPDATE_CONFIG | UPDATE_MERGE));
}

/* Old and new ids overlap: shifted twice is another owner than shifted once. */
static int shift_volume(Harness *h) {
        return harness_call(h, "", "Guests", "Shift", "sssssast", "p", "custom", "default", "v", "1", 1, "b 0 1 1000", NO_FLAGS);
}

static void write_file(const char *path, const char *text) {
        assert_true(file_write_atomic(path, text, strlen(text), 0644) >= 0);
}

static void prepare_nothing(Harness *h) {
}

static void prepare_volume(Harness *h) {
        assert_int_equal(create_volume(h), 0);
        write_file(harness_path(h, "storage-pools/p/custom/default_v/f"), "one");
}

static void prepare_snapshot(Harness *h) {
        prepare_volume(h);
        assert_int_equal(create_snapshot(h), 0);
        write_file(harness_path(h, "storage-pools/p/custom/default_v/f"), "two");
}

static void prepare_move(Harness *h) {
        prepare_snapshot(h);
        if (!harness_exists(h, "storage-pools/q"))
                assert_int_equal(harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", "q", "dir", "", 0, WHO, NO_FLAGS), 0);
        harness_steer(h, "device", "p/v");
}

static void prepare_owners(Harness *h) {
        prepare_volume(h);
        for (unsigned i = 0; i < 5; i++) {
                const char *path = harness_path(h, "storage-pools/p/custom/default_v/%u", i);

                write_file(path, "x");
                assert_int_equal(chown(path, i, 2 * i), 0);
        }
}

static bool described(Harness *h, const char *name) {
        _cleanup_free_ char *path = NULL;

        assert_true(str_format(&path, "/volume/p/custom/default/%s", name) >= 0);
        return harness_call(h, path, "Volume", "Describe", "t", NO_FLAGS) >= 0;
}

/* What the daemon says is what lies there. */
static void check_same(Harness *h, const char *name) {
        bool known = described(h, name); /* answered after the clean-up of that name */

        assert_int_equal(known, harness_exists(h, "storage-pools/p/custom/default_%s", name));
}

static void check_created(Harness *h) {
        check_same(h, "v");
        if (!described(h, "v"))
                assert_int_equal(create_volume(h), 0);
}

static void check_snapshot(Harness *h) {
        if (create_snapshot(h) < 0)
                assert_harness_error(h, "AlreadyExists", "already in use");
        assert_true(described(h, "v"));
        assert_true(harness_exists(h, "storage-pools/p/custom-snapshots/default_v/s/f"));
        assert_int_equal(restore_snapshot(h), 0);
}

static void check_restored(Harness *h) {
        _cleanup_free_ char *text = NULL;

        assert_true(described(h, "v"));
        assert_true(file_read(harness_path(h, "storage-pools/p/custom/default_v/f"), 100, &text, NULL) >= 0);
        assert_true(streq(text, "one") || streq(text, "two"));
        assert_int_equal(restore_snapshot(h), 0);
        free(TAKE_PTR(text));
        assert_true(file_read(harness_path(h, "storage-pools/p/custom/default_v/f"), 100, &text, NULL) >= 0);
        assert_string_equal(text, "one");
}

static void check_renamed(Harness *h) {
        bool v = described(h, "v"), w = described(h, "w");

        assert_true(v != w);
        check_same(h, "v");
        check_same(h, "w");
        assert_true(harness_exists(h, "storage-pools/p/custom-snapshots/default_%s/s/f", w ? "w" : "v"));
        assert_false(harness_exists(h, "storage-pools/p/custom-snapshots/default_%s", w ? "v" : "w"));
        if (v)
                assert_int_equal(rename_volume(h), 0);
}

static void check_snapshot_renamed(Harness *h) {
        assert_true(described(h, "v"));
        assert_true(harness_exists(h, "storage-pools/p/custom-snapshots/default_v/s/f") !=
                    harness_exists(h, "storage-pools/p/custom-snapshots/default_v/t/f"));
        if (harness_exists(h, "storage-pools/p/custom-snapshots/default_v/s"))
                assert_int_equal(rename_snapshot(h), 0);
}

static void check_deleted(Harness *h) {
        check_same(h, "v");
}

static void check_copied(Harness *h) {
        assert_true(described(h, "v"));
        check_same(h, "w");
        if (!described(h, "w")) {
                assert_false(harness_exists(h, "storage-pools/p/custom-snapshots/default_w"));
                assert_int_equal(copy_volume(h), 0);
        }
        assert_true(harness_exists(h, "storage-pools/p/custom-snapshots/default_w/s/f"));
}

/* It is in one of the two, whole, and the device names that. */
static void check_moved(Harness *h) {
        bool here = described(h, "v"), there = harness_call(h, "/volume/q/custom/default/w", "Volume", "Describe", "t", NO_FLAGS) >= 0;

        assert_true(here != there);
        check_same(h, "v");
        assert_int_equal(there, harness_exists(h, "storage-pools/q/custom/default_w/f"));
        assert_int_equal(there, harness_exists(h, "storage-pools/q/custom-snapshots/default_w/s/f"));
        assert_int_equal(here, harness_exists(h, "storage-pools/p/custom-snapshots/default_v/s/f"));
        if (here) {
                assert_harness_device(h, "p/v");
                assert_int_equal(move_volume(h), 0);
        }
        assert_harness_device(h, "q/w");
        assert_false(harness_exists(h, "storage-pools/p/custom/default_v"));
        assert_int_equal(harness_call(h, "/volume/q/custom/default/w", "Volume", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
        assert_false(harness_exists(h, "storage-pools/q/custom/default_w"));
}

static void check_guest(Harness *h) {
        int r = create_guest(h);

        if (r < 0)
                assert_harness_error(h, "AlreadyExists", "already exists");
        assert_true(harness_exists(h, "storage-pools/p/containers/c1/rootfs/hello"));
}

static void check_resized(Harness *h) {
        assert_true(described(h, "v"));
        assert_int_equal(resize_volume(h), 0);
}

static void assert_owners(Harness *h, unsigned shift) {
        struct stat st;

        for (unsigned i = 0; i < 5; i++) {
                assert_int_equal(stat(harness_path(h, "storage-pools/p/custom/default_v/%u", i), &st), 0);
                assert_int_equal(st.st_uid, i + shift);
                assert_int_equal(st.st_gid, 2 * i + shift);
        }
        assert_int_equal(stat(harness_path(h, "storage-pools/p/custom/default_v"), &st), 0);
        assert_int_equal(st.st_uid, shift);
}

static void check_shifted(Harness *h) {
        assert_true(described(h, "v"));
        assert_int_equal(shift_volume(h), 0);
        assert_owners(h, 1);
        assert_int_equal(shift_volume(h), 0);
        assert_owners(h, 1);
        assert_int_equal(harness_call(h, "", "Guests", "Shift", "sssssast", "p", "custom", "default", "v", "1", 0, NO_FLAGS), 0);
        assert_owners(h, 0);
}

static const Scenario scenarios[] = {
        { "create", prepare_nothing, create_volume, check_created,
          { "volume-create-recorded", "before-worker", "volume-create-before-commit", "worker-start", "worker-before-rename",
            "worker-after-rename", "worker-end" }, false },
        { "snapshot", prepare_volume, create_snapshot, check_snapshot,
          { "snapshot-create-recorded", "before-worker", "snapshot-create-before-commit", "worker-start", "worker-copied",
            "dir:worker-before-rename", "dir:worker-after-rename" }, false },
        { "restore", prepare_snapshot, restore_snapshot, check_restored,
          { "volume-restore-marked", "before-worker", "worker-start", "worker-restore-before-exchange", "worker-restore-after-exchange",
            "worker-end" }, false },
        { "rename", prepare_snapshot, rename_volume, check_renamed,
          { "volume-rename-recorded", "before-worker", "worker-start", "worker-renamed-one", "worker-end",
            "volume-rename-before-commit" }, false },
        { "rename snapshot", prepare_snapshot, rename_snapshot, check_snapshot_renamed,
          { "snapshot-rename-recorded", "before-worker", "worker-renamed-one" }, false },
        { "delete", prepare_snapshot, delete_volume, check_deleted,
          { "volume-delete-marked", "worker-start", "worker-delete-after-rename", "worker-deleted-one", "worker-end",
            "volume-delete-before-commit" }, false },
        { "delete snapshot", prepare_snapshot, delete_snapshot, check_deleted,
          { "snapshot-delete-marked", "worker-start", "worker-delete-after-rename", "worker-end" }, false },
        { "copy", prepare_snapshot, copy_volume, check_copied,
          { "volume-create-recorded", "before-worker", "worker-start", "worker-copied", "dir:worker-after-rename", "worker-end",
            "volume-create-before-commit" }, false },
        { "move", prepare_move, move_volume, check_moved,
          { "volume-create-recorded", "volume-move-recorded", "before-worker", "worker-start", "worker-copied", "worker-after-rename", "worker-end",
            "volume-move-before-commit", "volume-moved", "worker-deleted-one", "volume-delete-before-commit" }, false },
        { "create from image", prepare_nothing, create_guest, check_guest,
          { "volume-create-recorded", "before-worker", "worker-start", "worker-before-rename", "worker-after-rename", "worker-copied",
            "volume-create-before-commit" }, false },
        { "shift", prepare_owners, shift_volume, check_shifted,
          { "volume-shift-marked", "before-worker", "worker-start", "worker-shift-planned", "worker-shifted-one", "worker-shift-before-mark",
            "worker-shift-after-mark", "worker-end" }, false },
        { "resize", prepare_volume, resize_volume, check_resized, { "volume-update-marked", "before-worker", "worker-start", "worker-end" },
          true },
};

static void assert_empty(Harness *h, const char *name) {
        _cleanup_closedir_ DIR *dir = opendir(harness_path(h, "storage-pools/p/%s", name));
        struct dirent *entry;

        assert_non_null(dir);
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.' || (!streq(entry->d_name, ".") && !streq(entry->d_name, "..")))
                        fail_msg("left in %s: %s", name, entry->d_name);
}

/* Everything can be removed, whatever happened, and then nothing is there. */
static void remove_all(Harness *h) {
        static const char *const kinds[] = { "containers", "containers-snapshots", "custom", "custom-snapshots", "images" };

        for (unsigned i = 0; i < 2; i++)
                if (delete_named(h, i == 0 ? "v" : "w") < 0)
                        assert_harness_error(h, "NotFound", "not found");
        assert_int_equal(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "p", "default", "c1", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "DeleteImage", "st", FP, NO_FLAGS), 0);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                assert_empty(h, kinds[i]);
}

/* If it was the daemon that was killed it is awaited, else it is killed too; then the next one starts. */
static void restart(Harness *h) {
        if (harness_call(h, "", "Manager", "ListDrivers", "t", NO_FLAGS) < 0)
                harness_wait_crash(h);
        else
                harness_kill(h);
        harness_start(h, NULL);
}

static void run_scenario(Harness *h, const Scenario *s, const char *point) {
        print_message("%s, killed at %s\n", s->name, point);
        s->prepare(h);
        harness_kill(h);
        harness_start(h, point);
        /* It was cut off: nobody was told that it worked. Only what was to go may have gone at the second try. */
        if (s->act(h) >= 0)
                assert_true(startswith(s->name, "delete") || streq(s->name, "move"));
        restart(h);
        s->check(h);
        remove_all(h);
}

/* A snapshot of btrfs has its name at once: the points around the rename are for those who copy files. */
static const char *point_of(const char *point, bool btrfs) {
        const char *dir = startswith(point, "dir:");

        return !dir ? point : btrfs ? NULL : dir;
}

static void run_all(Harness *h, const char *driver) {
        bool btrfs = streq(driver, "btrfs");

        if (btrfs && !h->btrfs) {
                print_message("no loop devices or no mkfs.btrfs: skipped\n");
                skip();
        }
        assert_int_equal(create_pool(h, driver), 0);
        for (size_t i = 0; i < ELEMENTSOF(scenarios); i++)
                if (btrfs || !scenarios[i].btrfs_only)
                        for (size_t k = 0; k < ELEMENTSOF(scenarios[i].points) && scenarios[i].points[k]; k++)
                                if (point_of(scenarios[i].points[k], btrfs))
                                        run_scenario(h, &scenarios[i], point_of(scenarios[i].points[k], btrfs));
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
        assert_false(harness_exists(h, "storage-pools/p"));
}

static void test_crash_dir(void **state) {
        run_all(*state, "dir");
}

static void test_crash_btrfs(void **state) {
        run_all(*state, "btrfs");
}

/* The undoing fails as well, and the daemon lives on: the name does not stay taken until its next start. */
static void test_undo_failed(void **state) {
        Harness *h = *state;

        assert_int_equal(create_pool(h, "dir"), 0);
        harness_kill(h);
        harness_start(h, "worker-end");
        assert_true(create_volume(h) < 0);
        assert_harness_error(h, "Failed", "killed by signal 9");
        assert_true(create_volume(h) < 0);
        assert_harness_error(h, "Unavailable", "is being cleaned up; please try again");
        restart(h);
        while (create_volume(h) < 0)
                assert_harness_error(h, "Unavailable", "please try again");
        remove_all(h);
}

/* The same of a pool that was to go. */
static void test_pool_undo_failed(void **state) {
        Harness *h = *state;

        assert_int_equal(create_pool(h, "dir"), 0);
        harness_kill(h);
        harness_start(h, "worker-end");
        assert_true(harness_call(h, "/pool/p", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "Failed", "killed by signal 9");
        assert_true(create_pool(h, "dir") < 0);
        assert_harness_error(h, "Unavailable", "is being cleaned up; please try again");
        restart(h);
        while (create_pool(h, "dir") < 0)
                assert_harness_error(h, "Unavailable", "please try again");
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
}

static void test_crash_pool(void **state) {
        static const char *const points[] = { "pool-create-recorded", "worker-pool-mounted", "worker-end", "pool-create-before-commit",
                                              "pool-delete-marked" };
        Harness *h = *state;

        for (unsigned d = 0; d < (h->btrfs ? 2 : 1); d++)
                for (size_t i = 0; i < ELEMENTSOF(points); i++) {
                        const char *driver = d == 0 ? "dir" : "btrfs";

                        print_message("pool %s, killed at %s\n", driver, points[i]);
                        harness_kill(h);
                        harness_start(h, points[i]);
                        if (create_pool(h, driver) >= 0)
                                assert_true(harness_call(h, "/pool/p", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS) < 0);
                        restart(h);
                        /* Queued behind the clean-up of the name. */
                        assert_int_equal(create_pool(h, driver), 0);
                        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
                        assert_false(harness_exists(h, "storage-pools/p"));
                        assert_false(harness_exists(h, "disks/p.img"));
                }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)

int main(void) {
        static const struct CMUnitTest tests[] = { TEST(test_crash_dir), TEST(test_crash_btrfs), TEST(test_undo_failed), TEST(test_pool_undo_failed), TEST(test_crash_pool) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
