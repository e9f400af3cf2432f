/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-storaged over its bus: every method on both drivers, with good and bad input. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "bus-message.h"
#include "harness.h"

#define WHO "u", "unix", ""
#define NO_FLAGS ((uint64_t) 0)
#define FP "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define FP_MISSING "01b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"

static int create_pool(Harness *h, const char *name, const char *driver) {
        bool btrfs = streq(driver, "btrfs");

        if (btrfs)
                return harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", name, driver, "", 1, "size", "256MiB",
                                    WHO, NO_FLAGS);
        return harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", name, driver, "", 0, WHO, NO_FLAGS);
}

static int create_custom(Harness *h, const char *pool_path, const char *name) {
        return harness_call(h, pool_path, "Pool", "CreateVolume", "sssssa{ss}(sss)t", "default", "custom", "filesystem", name,
                            "", 0, WHO, NO_FLAGS);
}

static int guest_none(Harness *h, const char *name) {
        return harness_call(h, "", "Guests", "CreateVolume", "sssa{ss}a{ss}t", "p", "default", name, 0, 1, "type", "none",
                            NO_FLAGS);
}

static int guest_image(Harness *h, const char *name, const char *fingerprint) {
        return harness_call(h, "", "Guests", "CreateVolume", "sssa{ss}a{ss}t", "p", "default", name, 0, 2, "type", "image",
                            "fingerprint", fingerprint, NO_FLAGS);
}

static void assert_document(Harness *h, const char *part) {
        _cleanup_free_ char *text = harness_document(h);

        if (!strstr(text, part))
                print_error("document: %s\nwithout: %s\n", text, part);
        assert_non_null(strstr(text, part));
}

static void write_file(const char *path, const char *text) {
        assert_true(file_write_atomic(path, text, strlen(text), 0644) >= 0);
}

static void assert_file(const char *path, const char *text) {
        _cleanup_free_ char *content = NULL;

        assert_true(file_read(path, 4096, &content, NULL) >= 0);
        assert_string_equal(content, text);
}

static mode_t mode_of(const char *path) {
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        return st.st_mode & 07777;
}

#define SKIP_WITHOUT_BTRFS(h, driver)                                                                         \
        do {                                                                                                  \
                if (streq(driver, "btrfs") && !(h)->btrfs) {                                                  \
                        print_message("no loop devices or no mkfs.btrfs: skipped\n");                         \
                        skip();                                                                               \
                }                                                                                             \
        } while (false)

/* ---- pools ---- */

static void test_pool_bad_input(void **state) {
        static const struct {
                const char *name, *driver, *key, *value, *error, *text;
        } bad[] = {
                { "", "dir", "user.a", "b", "InvalidArgument", "No name provided" },
                { "a/b", "dir", "user.a", "b", "InvalidArgument", "Storage pool names may not contain slashes" },
                { "a b", "dir", "user.a", "b", "InvalidArgument", "Storage name cannot contain white space" },
                { "..", "dir", "user.a", "b", "InvalidArgument", "Invalid storage pool name" },
                { "x", "", "user.a", "b", "InvalidArgument", "No driver provided" },
                { "x", "foo", "user.a", "b", "InvalidArgument", "Unknown driver" },
                { "x", "dir", "foo", "b", "InvalidArgument", "Invalid option \"foo\"" },
                { "x", "dir", "size", "1GiB", "InvalidArgument", "Invalid option \"size\"" },
                { "x", "dir", "source", "/nope/x", "InvalidArgument", "Source path '/nope/x' doesn't exist" },
                { "x", "dir", "source", "rel", "InvalidArgument", "Source path 'rel' doesn't exist" },
                { "x", "dir", "source", "/etc", "InvalidArgument", "Source path '/etc' isn't empty" },
                { "x", "dir", "rsync.bwlimit", "x", "InvalidArgument", "Invalid value for option \"rsync.bwlimit\"" },
                { "x", "dir", "rsync.compression", "maybe", "InvalidArgument", "Invalid value for option \"rsync.compression\"" },
                { "x", "dir", "volume.size", "maybe", "InvalidArgument", "Invalid value for option \"volume.size\"" },
                { "x", "dir", "user.a", "b\nc\x01", "InvalidArgument", "control characters" },
                { "x", "btrfs", "size", "foo", "InvalidArgument", "Invalid value for option \"size\"" },
                { "x", "btrfs", "source", "rel", "InvalidArgument", "Invalid \"source\" property" },
                { "x", "btrfs", "source", "/etc", "InvalidArgument", "Provided path does not reside on a btrfs filesystem" },
        };
        Harness *h = *state;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_true(harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", bad[i].name, bad[i].driver, "", 1,
                                         bad[i].key, bad[i].value, WHO, NO_FLAGS) < 0);
                assert_harness_error(h, bad[i].error, bad[i].text);
        }
        assert_true(harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", "x", "dir", "", 0, WHO, (uint64_t) 64) < 0);
        assert_harness_error(h, "InvalidArgument", "");
        assert_int_equal(harness_call(h, "", "Manager", "ListPools", "ut", 0, NO_FLAGS), 0);
        assert_document(h, "\"metadata\":[]");
        assert_false(harness_exists(h, "storage-pools/x"));
        assert_false(harness_exists(h, "disks/x.img"));
}

static void pool_life(Harness *h, const char *driver) {
        _cleanup_free_ char *expected = NULL;

        SKIP_WITHOUT_BTRFS(h, driver);
        assert_int_equal(create_pool(h, "p", driver), 0);
        assert_true(create_pool(h, "p", driver) < 0);
        assert_harness_error(h, "AlreadyExists", "The storage pool already exists");
        assert_int_equal(mode_of(harness_path(h, "storage-pools/p")), 0711);
        assert_int_equal(mode_of(harness_path(h, "storage-pools/p/containers")), 0711);
        assert_int_equal(mode_of(harness_path(h, "storage-pools/p/custom")), 0700);
        assert_int_equal(mode_of(harness_path(h, "storage-pools/p/images")), 0700);

        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Describe", "t", NO_FLAGS), 0);
        assert_true(str_format(&expected,
                               "\"description\":\"\",\"name\":\"p\",\"driver\":\"%s\",\"used_by\":[],\"status\":\"Created\","
                               "\"locations\":[\"none\"]}",
                               driver) >= 0);
        assert_document(h, expected);
        assert_int_equal(harness_call(h, "", "Manager", "ListPools", "ut", 0, NO_FLAGS), 0);
        assert_document(h, "[\"/1.0/storage-pools/p\"]");
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "DescribeResources", "t", NO_FLAGS), 0);
        assert_document(h, "{\"space\":{\"used\":");

        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Update", "sa{ss}s(sss)t", "hi", 1, "volume.size", "20MiB", "", WHO,
                                      (uint64_t) (UPDATE_CONFIG | UPDATE_MERGE | UPDATE_DESCRIPTION)),
                         0);
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Describe", "t", NO_FLAGS), 0);
        assert_document(h, "\"volume.size\":\"20MiB\"},\"description\":\"hi\"");
        assert_true(harness_call(h, "/pool/p", "Pool", "Update", "sa{ss}s(sss)t", "", 1, "source", "/x", "", WHO,
                                 (uint64_t) (UPDATE_CONFIG | UPDATE_MERGE)) < 0);
        assert_harness_error(h, "InvalidArgument", "Pool source cannot be changed when not in pending state");
        assert_true(harness_call(h, "/pool/p", "Pool", "Update", "sa{ss}s(sss)t", "", 0, "abc", WHO, (uint64_t) UPDATE_DESCRIPTION) < 0);
        assert_harness_error(h, "PreconditionFailed", "ETag");

        assert_int_equal(create_custom(h, "/pool/p", "v"), 0);
        assert_true(harness_call(h, "/pool/p", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "The storage pool is currently in use");
        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
        harness_steer(h, "used-pool", "p /1.0/profiles/default\n");
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Describe", "t", NO_FLAGS), 0);
        assert_document(h, "\"used_by\":[\"/1.0/profiles/default\"]");
        assert_true(harness_call(h, "/pool/p", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "The storage pool is currently in use");
        harness_steer(h, "used-pool", "");
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
        assert_false(harness_exists(h, "storage-pools/p"));
        assert_false(harness_exists(h, "disks/p.img"));
        assert_true(harness_call(h, "/pool/p", "Pool", "Describe", "t", NO_FLAGS) < 0);
        assert_harness_error(h, "NotFound", "Storage pool not found");
}

static void test_pool_dir(void **state) {
        pool_life(*state, "dir");
}

static void test_pool_btrfs(void **state) {
        pool_life(*state, "btrfs");
}

static void test_pool_dir_source(void **state) {
        Harness *h = *state;
        const char *source = harness_path(h, "../external");

        if (geteuid() != 0)
                skip();
        assert_int_equal(mkdir(source, 0700), 0);
        assert_true(harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", "p", "dir", "", 1, "source", source, WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "isn't normalized");
        source = harness_path(h, "foo");
        assert_int_equal(mkdir(source, 0700), 0);
        assert_true(harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", "p", "dir", "", 1, "source", source, WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "Only allowed source path under");
        char external[256];
        (void) snprintf(external, sizeof(external), "%s/external", h->dir);
        assert_int_equal(harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", "p", "dir", "", 1, "source", external, WHO,
                                      NO_FLAGS),
                         0);
        assert_int_equal(create_custom(h, "/pool/p", "v"), 0);
        assert_int_equal(access(harness_path(h, "../external/custom/default_v"), F_OK), 0);
        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
        assert_int_equal(access(external, F_OK), 0);
        assert_int_not_equal(access(harness_path(h, "../external/custom"), F_OK), 0);
}

/* A directory or image of unknown origin is never taken over or removed. */
static void test_pool_in_the_way(void **state) {
        Harness *h = *state;

        assert_int_equal(mkdir(harness_path(h, "storage-pools"), 0711), 0);
        assert_int_equal(mkdir(harness_path(h, "storage-pools/p"), 0711), 0);
        write_file(harness_path(h, "storage-pools/p/precious"), "x");
        assert_true(create_pool(h, "p", "dir") < 0);
        assert_harness_error(h, "AlreadyExists", "already exists");
        assert_true(create_pool(h, "p", "btrfs") < 0);
        assert_harness_error(h, "AlreadyExists", "already exists");
        assert_file(harness_path(h, "storage-pools/p/precious"), "x");
        assert_int_equal(mkdir(harness_path(h, "disks"), 0700), 0);
        write_file(harness_path(h, "disks/q.img"), "precious");
        assert_true(create_pool(h, "q", "btrfs") < 0);
        assert_harness_error(h, "AlreadyExists", "belongs to no storage pool");
        assert_file(harness_path(h, "disks/q.img"), "precious");
}

static void test_pool_btrfs_too_small(void **state) {
        Harness *h = *state;

        SKIP_WITHOUT_BTRFS(h, "btrfs");
        assert_true(harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", "p", "btrfs", "", 1, "size", "10MiB", WHO,
                                 NO_FLAGS) < 0);
        assert_harness_error(h, "Failed", "Failed to format sparse file");
        assert_false(harness_exists(h, "disks/p.img"));
        assert_false(harness_exists(h, "storage-pools/p"));
        assert_int_equal(create_pool(h, "p", "btrfs"), 0);
}

/* ---- custom volumes ---- */

static void volume_life(Harness *h, const char *driver) {
        SKIP_WITHOUT_BTRFS(h, driver);
        assert_int_equal(create_pool(h, "p", driver), 0);
        assert_int_equal(create_custom(h, "/pool/p", "v"), 0);
        assert_int_equal(mode_of(harness_path(h, "storage-pools/p/custom/default_v")), 0711);
        assert_true(create_custom(h, "/pool/p", "v") < 0);
        assert_harness_error(h, "AlreadyExists", "Volume by that name already exists");
        assert_true(create_custom(h, "/pool/nope", "v") < 0);
        assert_harness_error(h, "NotFound", "Storage pool not found");

        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Describe", "t", NO_FLAGS), 0);
        assert_document(h, "{\"config\":{},\"description\":\"\",\"name\":\"v\",\"type\":\"custom\",\"used_by\":[],\"location\":\"none\","
                           "\"content_type\":\"filesystem\",\"project\":\"default\",\"created_at\":\"2");

        write_file(harness_path(h, "storage-pools/p/custom/default_v/f"), "one");
        assert_int_equal(harness_operation(h, "/volume/p/custom/default/v", "Volume", "CreateSnapshot", "st(sss)t", "s0", NO_FLAGS,
                                           WHO, NO_FLAGS),
                         0);
        assert_true(harness_operation(h, "/volume/p/custom/default/v", "Volume", "CreateSnapshot", "st(sss)t", "s0", NO_FLAGS, WHO,
                                      NO_FLAGS) < 0);
        assert_harness_error(h, "AlreadyExists", "Snapshot \"s0\" already in use");
        assert_int_equal(harness_operation(h, "/volume/p/custom/default/v", "Volume", "CreateSnapshot", "st(sss)t", "", NO_FLAGS, WHO,
                                           NO_FLAGS),
                         0);
        assert_true(harness_exists(h, "storage-pools/p/custom-snapshots/default_v/snap0/f"));

        write_file(harness_path(h, "storage-pools/p/custom/default_v/f"), "two");
        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Restore", "s(sss)t", "s0", WHO, NO_FLAGS), 0);
        assert_file(harness_path(h, "storage-pools/p/custom/default_v/f"), "one");
        assert_true(harness_call(h, "/volume/p/custom/default/v", "Volume", "Restore", "s(sss)t", "nope", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "NotFound", "snapshot \"nope\" not found");

        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "ListSnapshots", "ut", 0, NO_FLAGS), 0);
        assert_document(h, "[\"/1.0/storage-pools/p/volumes/custom/v/snapshots/s0\",\"/1.0/storage-pools/p/volumes/custom/v/snapshots/snap0\"]");
        assert_int_equal(harness_operation(h, "/volume_snapshot/p/custom/default/v/s0", "VolumeSnapshot", "Rename", "s(sss)t", "s1", WHO,
                                           NO_FLAGS),
                         0);
        assert_int_equal(harness_call(h, "/volume_snapshot/p/custom/default/v/s1", "VolumeSnapshot", "Update", "sts(sss)t", "note",
                                      (uint64_t) 1893456000000000, "", WHO, (uint64_t) (UPDATE_DESCRIPTION | UPDATE_EXPIRY)),
                         0);
        assert_int_equal(harness_call(h, "/volume_snapshot/p/custom/default/v/s1", "VolumeSnapshot", "Describe", "t", NO_FLAGS), 0);
        assert_document(h, "{\"description\":\"note\",\"expires_at\":\"2030-01-01T00:00:00Z\",\"name\":\"s1\",\"config\":{},"
                           "\"content_type\":\"filesystem\",\"created_at\":\"2");

        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Rename", "s(sss)t", "w", WHO, NO_FLAGS), 0);
        assert_true(harness_exists(h, "storage-pools/p/custom/default_w/f"));
        assert_true(harness_exists(h, "storage-pools/p/custom-snapshots/default_w/s1/f"));
        assert_true(harness_call(h, "/volume/p/custom/default/v", "Volume", "Describe", "t", NO_FLAGS) < 0);
        assert_harness_error(h, "NotFound", "Storage pool volume not found");

        assert_int_equal(harness_operation(h, "/pool/p", "Pool", "CopyVolume", "sssa{ss}a{ss}(sss)t", "default", "c", "", 0, 2, "name", "w",
                                           "pool", "p", WHO, NO_FLAGS),
                         0);
        assert_true(harness_exists(h, "storage-pools/p/custom-snapshots/default_c/snap0/f"));
        assert_int_equal(harness_operation(h, "/pool/p", "Pool", "CopyVolume", "sssa{ss}a{ss}(sss)t", "default", "d", "", 0, 1, "name",
                                           "w/s1", WHO, NO_FLAGS),
                         0);
        assert_file(harness_path(h, "storage-pools/p/custom/default_d/f"), "one");
        assert_true(harness_operation(h, "/pool/p", "Pool", "CopyVolume", "sssa{ss}a{ss}(sss)t", "default", "d", "", 0, 1, "name", "w",
                                      WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "AlreadyExists", "Volume by that name already exists"); /* at once: no operation that fails */
        assert_true(harness_operation(h, "/pool/p", "Pool", "CopyVolume", "sssa{ss}a{ss}(sss)t", "default", "e", "", 0, 1, "name", "nope",
                                      WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "Failed", "Storage volume not found");

        assert_int_equal(harness_operation(h, "/volume_snapshot/p/custom/default/w/s1", "VolumeSnapshot", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
        assert_false(harness_exists(h, "storage-pools/p/custom-snapshots/default_w/s1"));
        harness_steer(h, "used-volume", "p/default/w /1.0/instances/c1\n");
        assert_int_equal(harness_call(h, "/volume/p/custom/default/w", "Volume", "Describe", "t", NO_FLAGS), 0);
        assert_document(h, "\"used_by\":[\"/1.0/instances/c1\"]");
        assert_true(harness_call(h, "/volume/p/custom/default/w", "Volume", "Delete", "(sss)t", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "The storage volume is still in use by /1.0/instances/c1");
        harness_steer(h, "used-volume", "");
        assert_int_equal(harness_call(h, "/volume/p/custom/default/w", "Volume", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
        assert_false(harness_exists(h, "storage-pools/p/custom/default_w"));
        assert_false(harness_exists(h, "storage-pools/p/custom-snapshots/default_w"));
}

static void test_volume_dir(void **state) {
        volume_life(*state, "dir");
}

static void test_volume_btrfs(void **state) {
        volume_life(*state, "btrfs");
}

static void test_volume_bad_input(void **state) {
        static const struct {
                const char *type, *content, *name, *key, *value, *error, *text;
        } bad[] = {
                { "", "", "v", "user.a", "b", "InvalidArgument", "You must provide a storage volume type" },
                { "container", "", "v", "user.a", "b", "InvalidArgument", "Currently not allowed to create storage volumes of type \"container\"" },
                { "foo", "", "v", "user.a", "b", "InvalidArgument", "Currently not allowed to create storage volumes of type \"foo\"" },
                { "custom", "iso", "v", "user.a", "b", "InvalidArgument", "Invalid volume content type name" },
                { "custom", "block", "v", "user.a", "b", "NotSupported", "block" },
                { "custom", "", "", "user.a", "b", "InvalidArgument", "No name provided" },
                { "custom", "", "a/b", "user.a", "b", "InvalidArgument", "Storage volume names may not contain slashes" },
                { "custom", "", "..", "user.a", "b", "InvalidArgument", "Invalid storage volume name" },
                { "custom", "", "a b", "user.a", "b", "InvalidArgument", "Invalid storage volume name" },
                { "custom", "", "v", "foo", "b", "InvalidArgument", "Invalid option for volume \"v\" option \"foo\"" },
                { "custom", "", "v", "size", "b", "InvalidArgument", "Invalid value for volume \"v\" option \"size\"" },
                { "custom", "", "v", "security.shifted", "b", "InvalidArgument", "option \"security.shifted\"" },
                { "custom", "", "v", "snapshots.schedule", "b", "InvalidArgument", "option \"snapshots.schedule\"" },
                { "custom", "", "v", "snapshots.expiry", "b", "InvalidArgument", "option \"snapshots.expiry\"" },
        };
        Harness *h = *state;

        assert_int_equal(create_pool(h, "p", "dir"), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_true(harness_call(h, "/pool/p", "Pool", "CreateVolume", "sssssa{ss}(sss)t", "default", bad[i].type, bad[i].content,
                                         bad[i].name, "", 1, bad[i].key, bad[i].value, WHO, NO_FLAGS) < 0);
                assert_harness_error(h, bad[i].error, bad[i].text);
        }
        assert_true(harness_call(h, "/pool/p", "Pool", "CreateVolume", "sssssa{ss}(sss)t", "../x", "custom", "", "v", "", 0, WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "Invalid project name");
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "ListVolumes", "ssust", "default", "", 0, "", NO_FLAGS), 0);
        assert_document(h, "\"metadata\":[]");
        assert_true(harness_call(h, "/pool/p", "Pool", "ListVolumes", "ssust", "default", "foo", 0, "", NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "Invalid storage volume type name");
        assert_true(harness_call(h, "/pool/p", "Pool", "ListVolumes", "ssust", "default", "", 0, "name zz", NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "nvalid filter");
}

static void test_volume_in_the_way(void **state) {
        Harness *h = *state;

        assert_int_equal(create_pool(h, "p", "dir"), 0);
        assert_int_equal(mkdir(harness_path(h, "storage-pools/p/custom/default_v"), 0700), 0);
        write_file(harness_path(h, "storage-pools/p/custom/default_v/precious"), "x");
        assert_true(create_custom(h, "/pool/p", "v") < 0);
        assert_harness_error(h, "AlreadyExists", "belongs to no volume");
        assert_file(harness_path(h, "storage-pools/p/custom/default_v/precious"), "x");
}

static void test_volume_lists(void **state) {
        Harness *h = *state;

        assert_int_equal(create_pool(h, "p", "dir"), 0);
        assert_int_equal(create_custom(h, "/pool/p", "v1"), 0);
        assert_int_equal(create_custom(h, "/pool/p", "v2"), 0);
        assert_int_equal(guest_none(h, "c1"), 0);
        assert_int_equal(guest_image(h, "c2", FP), 0);
        assert_int_equal(harness_call(h, "", "Guests", "CreateSnapshot", "sssst", "p", "default", "c1", "snap0", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "ListVolumes", "ssust", "default", "", 0, "", NO_FLAGS), 0);
        assert_document(h, "\"metadata\":[\"/1.0/storage-pools/p/volumes/container/c1\",\"/1.0/storage-pools/p/volumes/container/c1/snapshots/snap0\","
                           "\"/1.0/storage-pools/p/volumes/container/c2\",\"/1.0/storage-pools/p/volumes/custom/v1\","
                           "\"/1.0/storage-pools/p/volumes/custom/v2\",\"/1.0/storage-pools/p/volumes/image/" FP "\"]");
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "ListVolumes", "ssust", "default", "custom", 0, "name eq v2", NO_FLAGS), 0);
        assert_document(h, "\"metadata\":[\"/1.0/storage-pools/p/volumes/custom/v2\"]");
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "ListVolumes", "ssust", "other", "", 0, "", NO_FLAGS), 0);
        assert_document(h, "\"metadata\":[]");
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "ListVolumes", "ssust", "default", "container", 1, "", NO_FLAGS), 0);
        assert_document(h, "\"name\":\"c1/snap0\",\"type\":\"container\",\"used_by\":[\"/1.0/instances/c1/snapshots/snap0\"]");
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Describe", "t", NO_FLAGS), 0);
        assert_document(h, "\"used_by\":[\"/1.0/images/" FP "\",\"/1.0/instances/c1\",\"/1.0/instances/c1/snapshots/snap0\",\"/1.0/instances/c2\","
                           "\"/1.0/storage-pools/p/volumes/custom/v1\",\"/1.0/storage-pools/p/volumes/custom/v2\"]");
        assert_true(harness_call(h, "/volume/p/container/default/c1", "Volume", "Delete", "(sss)t", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "cannot be deleted with the storage API");
}

static void test_volume_defaults(void **state) {
        Harness *h = *state;

        assert_int_equal(harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", "p", "dir", "", 2, "volume.size", "50MiB",
                                      "volume.snapshots.expiry", "1d", WHO, NO_FLAGS),
                         0);
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "CreateVolume", "sssssa{ss}(sss)t", "default", "custom", "", "v", "d", 1,
                                      "size", "60MiB", WHO, NO_FLAGS),
                         0);
        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Describe", "t", NO_FLAGS), 0);
        assert_document(h, "{\"config\":{\"size\":\"60MiB\",\"snapshots.expiry\":\"1d\"},\"description\":\"d\"");
}

/* ---- volumes of instances ---- */

static void assert_link(Harness *h, const char *link, const char *target) {
        _cleanup_free_ char *path = strdup(harness_path(h, "%s", link));
        char text[PATH_MAX] = "";

        assert_true(readlink(path, text, sizeof(text) - 1) > 0);
        assert_string_equal(text, harness_path(h, "%s", target));
}

static bool link_exists(Harness *h, const char *link) {
        struct stat st;

        return lstat(harness_path(h, "%s", link), &st) >= 0;
}

static int refresh(Harness *h, const char *source_pool, const char *source) {
        return harness_call(h, "", "Guests", "RefreshVolume", "sssa{ss}t", "p", "default", "c3", 2, "pool", source_pool, "name", source, NO_FLAGS);
}

/* c3 gets what c2 and a snapshot of it hold, and what a volume of another pool holds. */
static void guest_refresh(Harness *h) {
        write_file(harness_path(h, "storage-pools/p/containers/c2/rootfs/f"), "of c2");
        assert_int_equal(harness_call(h, "", "Guests", "CreateSnapshot", "sssst", "p", "default", "c2", "s", NO_FLAGS), 0);
        write_file(harness_path(h, "storage-pools/p/containers/c2/rootfs/f"), "later");
        assert_int_equal(refresh(h, "p", "c2/s"), 0);
        assert_file(harness_path(h, "storage-pools/p/containers/c3/rootfs/f"), "of c2");
        assert_int_equal(refresh(h, "p", "c2"), 0);
        assert_file(harness_path(h, "storage-pools/p/containers/c3/rootfs/f"), "later");
        assert_true(harness_exists(h, "storage-pools/p/containers-snapshots/c3/snap1/rootfs/f"));
        assert_true(refresh(h, "p", "c2/nope") < 0);
        assert_harness_error(h, "NotFound", "nope");
        assert_true(refresh(h, "p", "c3") < 0);
        assert_harness_error(h, "InvalidArgument", "itself");
        assert_int_equal(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "p", "default", "c2/s", NO_FLAGS), 0);

        assert_int_equal(create_pool(h, "other", "dir"), 0);
        assert_int_equal(harness_call(h, "", "Guests", "CreateVolume", "sssa{ss}a{ss}t", "other", "default", "c7", 0, 1, "type", "none", NO_FLAGS), 0);
        write_file(harness_path(h, "storage-pools/other/containers/c7/rootfs/f"), "of c7");
        assert_int_equal(refresh(h, "other", "c7"), 0);
        assert_file(harness_path(h, "storage-pools/p/containers/c3/rootfs/f"), "of c7");
        assert_int_equal(harness_call(h, "", "Guests", "Mount", "ssssst", "p", "container", "default", "c3", "7", NO_FLAGS), 0);
        assert_true(refresh(h, "p", "c2") < 0);
        assert_harness_error(h, "Locked", "mounted by the running instance with id 7");
        assert_int_equal(harness_call(h, "", "Guests", "UnmountAll", "st", "7", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "other", "default", "c7", NO_FLAGS), 0);
}

static void guest_life(Harness *h, const char *driver) {
        const char *path;

        SKIP_WITHOUT_BTRFS(h, driver);
        assert_int_equal(create_pool(h, "p", driver), 0);
        assert_true(guest_image(h, "c0", FP_MISSING) < 0);
        assert_harness_error(h, "NotFound", "Image not found");
        assert_int_equal(guest_image(h, "c1", FP), 0);
        assert_int_equal(guest_image(h, "c2", FP), 0);
        assert_int_equal(harness_unpacks(h), 1);
        assert_true(harness_exists(h, "storage-pools/p/containers/c1/rootfs/hello"));
        assert_link(h, "containers/c1", "storage-pools/p/containers/c1");
        assert_false(link_exists(h, "snapshots/c1"));
        assert_true(harness_exists(h, "storage-pools/p/containers/c2/metadata.yaml"));
        assert_int_equal(mode_of(harness_path(h, "storage-pools/p/containers/c1")), 0700);
        assert_int_equal(mode_of(harness_path(h, "storage-pools/p/containers/c1/rootfs/hello")), 04755);
        if (streq(driver, "btrfs"))
                assert_true(open(harness_path(h, "storage-pools/p/images/" FP "/x"), O_CREAT | O_WRONLY, 0600) < 0 && errno == EROFS);

        assert_int_equal(create_custom(h, "/pool/p", "data"), 0);
        assert_int_equal(harness_call(h, "", "Guests", "CheckVolume", "ssst", "p", "default", "data", NO_FLAGS), 0);
        assert_true(harness_call(h, "", "Guests", "CheckVolume", "ssst", "p", "default", "c1", NO_FLAGS) < 0);
        assert_harness_error(h, "NotFound", "Failed loading custom volume: Storage volume not found");
        assert_true(harness_call(h, "", "Guests", "CheckVolume", "ssst", "q", "default", "data", NO_FLAGS) < 0);
        assert_harness_error(h, "NotFound", "Failed to get storage pool \"q\": Storage pool not found");
        assert_int_equal(harness_call(h, "/volume/p/custom/default/data", "Volume", "Delete", "(sss)t", WHO, NO_FLAGS), 0);

        assert_int_equal(harness_call(h, "", "Guests", "Mount", "ssssst", "p", "container", "default", "c1", "7", NO_FLAGS), 0);
        assert_true(sd_bus_message_read(h->reply, "s", &path) > 0);
        assert_string_equal(path, harness_path(h, "storage-pools/p/containers/c1"));
        write_file(harness_path(h, "storage-pools/p/containers/c1/rootfs/f"), "one");
        assert_int_equal(harness_call(h, "", "Guests", "CreateSnapshot", "sssst", "p", "default", "c1", "snap0", NO_FLAGS), 0);
        assert_true(harness_call(h, "", "Guests", "RestoreSnapshot", "sssst", "p", "default", "c1", "snap0", NO_FLAGS) < 0);
        assert_harness_error(h, "Locked", "mounted by the running instance with id 7");
        assert_true(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "p", "default", "c1", NO_FLAGS) < 0);
        assert_harness_error(h, "Locked", "mounted by the running instance with id 7");
        harness_kill(h); /* holders outlive the daemon */
        harness_start(h, NULL);
        assert_true(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "p", "default", "c1", NO_FLAGS) < 0);
        assert_harness_error(h, "Locked", "id 7");
        assert_int_equal(harness_call(h, "", "Guests", "Unmount", "ssssst", "p", "container", "default", "c1", "7", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "Unmount", "ssssst", "p", "container", "default", "c1", "7", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "Mount", "ssssst", "p", "container", "default", "c1", "8", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "UnmountAll", "st", "9", NO_FLAGS), 0);
        assert_true(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "p", "default", "c1", NO_FLAGS) < 0);
        assert_harness_error(h, "Locked", "id 8");
        assert_int_equal(harness_call(h, "", "Guests", "UnmountAll", "st", "8", NO_FLAGS), 0);

        assert_int_equal(rename(harness_path(h, "storage-pools/p/containers/c1"), harness_path(h, "storage-pools/p/containers/away")), 0);
        assert_true(harness_call(h, "", "Guests", "Mount", "ssssst", "p", "container", "default", "c1", "8", NO_FLAGS) < 0);
        assert_harness_error(h, "NotFound", "Failed to mount volume: No such file or directory");
        assert_int_equal(rename(harness_path(h, "storage-pools/p/containers/away"), harness_path(h, "storage-pools/p/containers/c1")), 0);
        assert_int_equal(harness_call(h, "", "Guests", "UnmountAll", "st", "8", NO_FLAGS), 0);

        write_file(harness_path(h, "storage-pools/p/containers/c1/rootfs/f"), "two");
        assert_int_equal(harness_call(h, "", "Guests", "RestoreSnapshot", "sssst", "p", "default", "c1", "snap0", NO_FLAGS), 0);
        assert_file(harness_path(h, "storage-pools/p/containers/c1/rootfs/f"), "one");
        assert_int_equal(harness_call(h, "", "Guests", "RenameVolume", "sssst", "p", "default", "c1", "c3", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "RenameVolume", "sssst", "p", "default", "c3/snap0", "c3/snap1", NO_FLAGS), 0);
        assert_true(harness_exists(h, "storage-pools/p/containers-snapshots/c3/snap1/rootfs/f"));
        assert_link(h, "containers/c3", "storage-pools/p/containers/c3");
        assert_link(h, "snapshots/c3", "storage-pools/p/containers-snapshots/c3");
        assert_false(link_exists(h, "containers/c1") || link_exists(h, "snapshots/c1"));
        assert_int_equal(harness_call(h, "", "Guests", "CreateVolume", "sssa{ss}a{ss}t", "p", "other", "c1", 0, 4, "type", "copy", "project",
                                      "default", "name", "c3", "snapshots", "snap1", NO_FLAGS),
                         0);
        assert_file(harness_path(h, "storage-pools/p/containers-snapshots/other_c1/snap1/rootfs/f"), "one");
        assert_link(h, "snapshots/other_c1", "storage-pools/p/containers-snapshots/other_c1");
        /* those that are named: one made or removed meanwhile is not known to who asks */
        assert_int_equal(harness_call(h, "", "Guests", "CreateSnapshot", "sssst", "p", "default", "c3", "late", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "CreateVolume", "sssa{ss}a{ss}t", "p", "other", "c5", 0, 4, "type", "copy", "project",
                                      "default", "name", "c3", "snapshots", "snap1", NO_FLAGS),
                         0);
        assert_false(harness_exists(h, "storage-pools/p/containers-snapshots/other_c5/late"));
        assert_true(harness_call(h, "", "Guests", "CreateVolume", "sssa{ss}a{ss}t", "p", "other", "c6", 0, 4, "type", "copy", "project", "default",
                                 "name", "c3", "snapshots", "snap1\ngone", NO_FLAGS) < 0);
        assert_harness_error(h, "NotFound", "gone");
        assert_false(harness_exists(h, "storage-pools/p/containers/other_c6"));
        assert_int_equal(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "p", "default", "c3/late", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "UpdateVolume", "sssa{ss}t", "p", "default", "c3", 1, "size", "50MiB", NO_FLAGS), 0);
        guest_refresh(h);
        assert_int_equal(harness_call(h, "", "Guests", "GetUsage", "ssast", "p", "default", 2, "c3", "nope", NO_FLAGS), 0);

        assert_int_equal(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "p", "default", "c3/snap1", NO_FLAGS), 0);
        assert_false(harness_exists(h, "storage-pools/p/containers-snapshots/c3"));
        assert_false(link_exists(h, "snapshots/c3"));
        assert_int_equal(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "p", "default", "c3", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "p", "default", "c3", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "DeleteVolume", "ssst", "nope", "default", "c3", NO_FLAGS), 0);
        assert_false(link_exists(h, "containers/c3"));
        assert_int_equal(harness_call(h, "", "Guests", "DeleteImage", "st", FP, NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "DeleteImage", "st", FP, NO_FLAGS), 0);
        assert_false(harness_exists(h, "storage-pools/p/images/" FP));
        assert_true(harness_exists(h, "storage-pools/p/containers/c2/rootfs/hello"));
}

static void test_guest_dir(void **state) {
        guest_life(*state, "dir");
}

static void test_guest_btrfs(void **state) {
        guest_life(*state, "btrfs");
}

static void test_guest_bad_input(void **state) {
        Harness *h = *state;

        assert_int_equal(create_pool(h, "p", "dir"), 0);
        assert_true(guest_none(h, "../x") < 0);
        assert_harness_error(h, "InvalidArgument", "Invalid instance name");
        assert_true(guest_none(h, "a/b") < 0);
        assert_true(guest_image(h, "c", "../../etc") < 0);
        assert_harness_error(h, "InvalidArgument", "Invalid image fingerprint");
        assert_true(harness_call(h, "", "Guests", "CreateVolume", "sssa{ss}a{ss}t", "p", "default", "c", 0, 1, "type", "magic", NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "Unknown source type");
        assert_true(harness_call(h, "", "Guests", "Mount", "ssssst", "p", "container", "default", "nope", "1", NO_FLAGS) < 0);
        assert_harness_error(h, "NotFound", "Storage pool volume not found");
        assert_true(harness_call(h, "", "Guests", "Mount", "ssssst", "p", "../..", "default", "nope", "1", NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "Invalid storage volume type name");
}

static void test_image_broken(void **state) {
        Harness *h = *state;

        assert_int_equal(create_pool(h, "p", "dir"), 0);
        harness_steer(h, "unpack-mode", "error");
        assert_true(guest_image(h, "c1", FP) < 0);
        assert_harness_error(h, "InvalidArgument", "The image is broken");
        harness_steer(h, "unpack-mode", "close");
        assert_true(guest_image(h, "c1", FP) < 0);
        assert_harness_error(h, "Failed", "ended in the middle");
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "ListVolumes", "ssust", "default", "", 0, "", NO_FLAGS), 0);
        assert_document(h, "\"metadata\":[]");
        assert_int_not_equal(rmdir(harness_path(h, "storage-pools/p/images")), -1); /* nothing is left in it */
        assert_int_equal(mkdir(harness_path(h, "storage-pools/p/images"), 0700), 0);
        harness_steer(h, "unpack-mode", "ok");
        assert_int_equal(guest_image(h, "c1", FP), 0);
}

static int on_create_done(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        unsigned *done = userdata;

        if (!sd_bus_message_is_method_error(m, NULL))
                (*done)++;
        else
                *done += 100;
        return 0;
}

/* Requests at the same time for an image that is not there yet: one unpack for all. */
static void test_image_shared(void **state) {
        Harness *h = *state;
        unsigned done = 0;

        assert_int_equal(create_pool(h, "p", "dir"), 0);
        for (unsigned i = 0; i < 8; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "c%u", i);
                assert_true(sd_bus_call_method_async(h->bus, NULL, NULL, "/org/lxd/storage1", "org.lxd.storage1.Guests", "CreateVolume",
                                                     on_create_done, &done, "sssa{ss}a{ss}t", "p", "default", name, 0, 2, "type", "image",
                                                     "fingerprint", FP, NO_FLAGS) >= 0);
        }
        while (done < 8) {
                int r = sd_bus_process(h->bus, NULL);

                assert_true(r >= 0);
                if (r == 0)
                        assert_true(sd_bus_wait(h->bus, UINT64_MAX) >= 0);
        }
        assert_int_equal(done, 8);
        assert_int_equal(harness_unpacks(h), 1);
}

/* ---- quota ---- */

static void test_quota_btrfs(void **state) {
        static char block[1 << 20];
        Harness *h = *state;
        int fd, n = 0;

        SKIP_WITHOUT_BTRFS(h, "btrfs");
        assert_int_equal(create_pool(h, "p", "btrfs"), 0);
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "CreateVolume", "sssssa{ss}(sss)t", "default", "custom", "", "v", "", 1, "size",
                                      "10MiB", WHO, NO_FLAGS),
                         0);
        fd = open(harness_path(h, "storage-pools/p/custom/default_v/f"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        while (n < 30 && write(fd, block, sizeof(block)) == sizeof(block) && fsync(fd) == 0)
                n++;
        close(fd);
        assert_in_range(n, 5, 10);
        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "DescribeState", "t", NO_FLAGS), 0);
        assert_document(h, "\"total\":10485760}");
        /* A full volume can still be snapshotted, and its copy has no limit but its own. */
        assert_int_equal(harness_operation(h, "/volume/p/custom/default/v", "Volume", "CreateSnapshot", "st(sss)t", "s", NO_FLAGS, WHO,
                                           NO_FLAGS),
                         0);
        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Update", "sa{ss}s(sss)t", "", 1, "size", "100MiB", "", WHO,
                                      (uint64_t) (UPDATE_CONFIG | UPDATE_MERGE)),
                         0);
        fd = open(harness_path(h, "storage-pools/p/custom/default_v/g"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(write(fd, block, sizeof(block)) == sizeof(block) && fsync(fd) == 0);
        close(fd);
}

/* A pool is mounted again after a boot, here: after somebody unmounted it. */
static void test_remount_btrfs(void **state) {
        _cleanup_free_ char *command = NULL;
        Harness *h = *state;

        SKIP_WITHOUT_BTRFS(h, "btrfs");
        assert_int_equal(create_pool(h, "p", "btrfs"), 0);
        assert_int_equal(create_custom(h, "/pool/p", "v"), 0);
        assert_true(str_format(&command, "umount %s", harness_path(h, "storage-pools/p")) >= 0);
        assert_int_equal(system(command), 0);
        assert_false(harness_exists(h, "storage-pools/p/custom"));
        assert_int_equal(harness_call(h, "", "Guests", "Mount", "ssssst", "p", "custom", "default", "v", "1", NO_FLAGS), 0);
        assert_true(harness_exists(h, "storage-pools/p/custom/default_v"));
}

/* dir and btrfs, both ways, with what a plain copy would lose. */
static void copy_across(Harness *h, const char *from, const char *to) {
        struct stat a, b;
        int fd;

        SKIP_WITHOUT_BTRFS(h, "btrfs");
        assert_int_equal(create_pool(h, "p", from), 0);
        assert_int_equal(create_pool(h, "q", to), 0);
        assert_int_equal(create_custom(h, "/pool/p", "v"), 0);
        write_file(harness_path(h, "storage-pools/p/custom/default_v/a"), "text");
        assert_int_equal(link(harness_path(h, "storage-pools/p/custom/default_v/a"), harness_path(h, "storage-pools/p/custom/default_v/b")), 0);
        assert_int_equal(symlink("/etc/passwd", harness_path(h, "storage-pools/p/custom/default_v/l")), 0);
        assert_int_equal(mkfifo(harness_path(h, "storage-pools/p/custom/default_v/fifo"), 0640), 0);
        assert_int_equal(chown(harness_path(h, "storage-pools/p/custom/default_v/a"), 1234, 5678), 0);
        assert_int_equal(chmod(harness_path(h, "storage-pools/p/custom/default_v/a"), 06755), 0);
        fd = open(harness_path(h, "storage-pools/p/custom/default_v/sparse"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(pwrite(fd, "end", 3, 64 << 20) == 3);
        close(fd);
        assert_int_equal(harness_operation(h, "/volume/p/custom/default/v", "Volume", "CreateSnapshot", "st(sss)t", "s0", NO_FLAGS, WHO,
                                           NO_FLAGS),
                         0);
        assert_int_equal(harness_operation(h, "/pool/q", "Pool", "CopyVolume", "sssa{ss}a{ss}(sss)t", "default", "w", "", 0, 2, "pool", "p",
                                           "name", "v", WHO, NO_FLAGS),
                         0);
        assert_int_equal(stat(harness_path(h, "storage-pools/q/custom/default_w/a"), &a), 0);
        assert_int_equal(stat(harness_path(h, "storage-pools/q/custom/default_w/b"), &b), 0);
        assert_true(a.st_ino == b.st_ino && a.st_nlink == 2);
        assert_int_equal(a.st_uid, 1234);
        assert_int_equal(a.st_gid, 5678);
        assert_int_equal(a.st_mode & 07777, 06755);
        assert_int_equal(lstat(harness_path(h, "storage-pools/q/custom/default_w/l"), &a), 0);
        assert_true(S_ISLNK(a.st_mode));
        assert_int_equal(lstat(harness_path(h, "storage-pools/q/custom/default_w/fifo"), &a), 0);
        assert_true(S_ISFIFO(a.st_mode) && (a.st_mode & 07777) == 0640);
        assert_int_equal(stat(harness_path(h, "storage-pools/q/custom/default_w/sparse"), &a), 0);
        assert_int_equal(a.st_size, (64 << 20) + 3);
        assert_true(a.st_blocks * 512 < 1 << 20);
        assert_int_equal(mode_of(harness_path(h, "storage-pools/q/custom/default_w")), 0711);
        assert_file(harness_path(h, "storage-pools/q/custom-snapshots/default_w/s0/a"), "text");
}

/* To another pool, with its snapshots, configuration and the devices that name it; what cannot be is said at once. */
static void test_move(void **state) {
        Harness *h = *state;

        assert_int_equal(create_pool(h, "p", "dir"), 0);
        assert_int_equal(create_pool(h, "q", "dir"), 0);
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "CreateVolume", "sssssa{ss}(sss)t", "default", "custom", "", "v", "words", 1, "user.a",
                                      "b", WHO, NO_FLAGS),
                         0);
        assert_int_equal(create_custom(h, "/pool/q", "taken"), 0);
        write_file(harness_path(h, "storage-pools/p/custom/default_v/f"), "text");
        assert_int_equal(harness_operation(h, "/volume/p/custom/default/v", "Volume", "CreateSnapshot", "st(sss)t", "s0", NO_FLAGS, WHO,
                                           NO_FLAGS),
                         0);
        harness_steer(h, "device", "p/v");

        assert_true(harness_operation(h, "/volume/p/custom/default/v", "Volume", "Move", "ss(sss)t", "nope", "v", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "NotFound", "Storage pool not found");
        assert_true(harness_operation(h, "/volume/p/custom/default/nope", "Volume", "Move", "ss(sss)t", "q", "v", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "NotFound", "Storage pool volume not found");
        assert_true(harness_operation(h, "/volume/p/custom/default/v", "Volume", "Move", "ss(sss)t", "q", "taken", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "AlreadyExists", "Volume by that name already exists");
        assert_true(harness_operation(h, "/volume/p/custom/default/v", "Volume", "Move", "ss(sss)t", "q", "a/b", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "slashes");
        assert_true(harness_operation(h, "/volume/p/custom/default/v", "Volume", "Move", "ss(sss)t", "p", "v", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "InvalidArgument", "already");
        assert_int_equal(harness_call(h, "", "Guests", "Mount", "ssssst", "p", "custom", "default", "v", "7", NO_FLAGS), 0);
        assert_true(harness_operation(h, "/volume/p/custom/default/v", "Volume", "Move", "ss(sss)t", "q", "w", WHO, NO_FLAGS) < 0);
        assert_harness_error(h, "Failed", "Volume is still in use by running instances");
        assert_int_equal(harness_call(h, "", "Guests", "Unmount", "ssssst", "p", "custom", "default", "v", "7", NO_FLAGS), 0);
        assert_harness_device(h, "p/v");

        assert_int_equal(harness_operation(h, "/volume/p/custom/default/v", "Volume", "Move", "ss(sss)t", "q", "w", WHO, NO_FLAGS), 0);
        assert_file(harness_path(h, "storage-pools/q/custom/default_w/f"), "text");
        assert_file(harness_path(h, "storage-pools/q/custom-snapshots/default_w/s0/f"), "text");
        assert_false(harness_exists(h, "storage-pools/p/custom/default_v") || harness_exists(h, "storage-pools/p/custom-snapshots/default_v"));
        assert_int_equal(harness_call(h, "/volume/q/custom/default/w", "Volume", "Describe", "t", NO_FLAGS), 0);
        assert_document(h, "\"config\":{\"user.a\":\"b\"},\"description\":\"words\"");
        assert_true(harness_call(h, "/volume/p/custom/default/v", "Volume", "Describe", "t", NO_FLAGS) < 0);
        assert_harness_device(h, "q/w");
}

static void test_copy_dir_btrfs(void **state) {
        copy_across(*state, "dir", "btrfs");
}

static void test_copy_btrfs_dir(void **state) {
        copy_across(*state, "btrfs", "dir");
}

static void list_snapshots(Harness *h, const char *wanted) {
        _cleanup_free_ char *text = NULL;

        /* Waits for what is queued on the volume. */
        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "ListSnapshots", "ut", 0, NO_FLAGS), 0);
        text = harness_document(h);
        if (!strstr(text, wanted))
                fail_msg("snapshots: %s, wanted %s", text, wanted);
}

/* Made each minute by the schedule, removed when their time is over; without such a duty the timer finds no file. */
static void test_snapshot_duties(void **state) {
        Harness *h = *state;

        assert_int_equal(create_pool(h, "p", "dir"), 0);
        assert_int_equal(create_custom(h, "/pool/p", "v"), 0);
        assert_false(harness_exists(h, "volume-snapshot-duties"));
        assert_int_equal(harness_call(h, "", "Manager", "ExpireSnapshots", "t", NO_FLAGS), 0);
        list_snapshots(h, "\"metadata\":[]");

        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Update", "sa{ss}s(sss)t", "", 2, "snapshots.schedule", "* * * * *",
                                      "snapshots.pattern", "auto%d", "", WHO, (uint64_t) UPDATE_CONFIG), 0);
        assert_true(harness_exists(h, "volume-snapshot-duties"));
        assert_int_equal(harness_call(h, "", "Manager", "ExpireSnapshots", "t", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Manager", "ExpireSnapshots", "t", NO_FLAGS), 0);
        list_snapshots(h, "/v/snapshots/auto0\",\"/1.0/storage-pools/p/volumes/custom/v/snapshots/auto1\"]");

        /* No schedule, but one that has expired and one that will. */
        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Update", "sa{ss}s(sss)t", "", 0, "", WHO, (uint64_t) UPDATE_CONFIG), 0);
        assert_false(harness_exists(h, "volume-snapshot-duties"));
        assert_int_equal(harness_call(h, "/volume_snapshot/p/custom/default/v/auto0", "VolumeSnapshot", "Update", "sts(sss)t", "", (uint64_t) 1000000, "", WHO,
                                      (uint64_t) UPDATE_EXPIRY), 0);
        assert_int_equal(harness_call(h, "/volume_snapshot/p/custom/default/v/auto1", "VolumeSnapshot", "Update", "sts(sss)t", "",
                                      (uint64_t) 4000000000 * 1000000, "", WHO, (uint64_t) UPDATE_EXPIRY), 0);
        assert_true(harness_exists(h, "volume-snapshot-duties"));
        assert_int_equal(unlink(harness_path(h, "volume-snapshot-duties")), 0);
        harness_kill(h);
        harness_start(h, NULL);
        assert_int_equal(harness_call(h, "", "Manager", "ExpireSnapshots", "t", NO_FLAGS), 0);
        assert_true(harness_exists(h, "volume-snapshot-duties"));
        list_snapshots(h, "\"metadata\":[\"/1.0/storage-pools/p/volumes/custom/v/snapshots/auto1\"]");

        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
        assert_false(harness_exists(h, "volume-snapshot-duties"));
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
}

/* ---- the worker that waits ---- */

/* Not one that only waits to be reaped. */
static bool is_alive(int pid) {
        char path[64], c;

        (void) snprintf(path, sizeof(path), "/proc/%d/exe", pid);
        return readlink(path, &c, 1) > 0;
}

/* 0 = none; more than one is too many. */
static int worker_pid(Harness *h) {
        _cleanup_free_ char *path = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        int pid, found = 0;

        assert_true(str_format(&path, "/proc/%d/task/%d/children", (int) h->daemon, (int) h->daemon) >= 0);
        f = fopen(path, "re");
        assert_non_null(f);
        while (fscanf(f, "%d", &pid) == 1)
                if (is_alive(pid)) {
                        assert_int_equal(found, 0);
                        found = pid;
                }
        return found;
}

/* All that one job could leave to the next: rights, signals, file mode mask, descriptors, directories, namespaces. */
static char *worker_state(int pid) {
        static const char *const fields[] = { "Umask:", "Uid:", "Gid:", "Groups:", "Threads:", "SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:", "SigCgt:",
                                              "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:", "Seccomp:" };
        static const char *const links[] = { "cwd", "root", "fd/0", "fd/1", "fd/2", "fd/3", "ns/mnt", "ns/user", "ns/net", "ns/pid", "ns/ipc", "ns/uts" };
        _cleanup_free_ char *path = NULL, *status = NULL;
        _cleanup_strv_free_ Strv lines = NULL, state = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        char *text, target[256];
        unsigned n = 0;
        ssize_t k;

        assert_true(str_format(&path, "/proc/%d/status", pid) >= 0);
        assert_true(file_read(path, 16384, &status, NULL) >= 0 && strv_split(status, "\n", &lines) >= 0);
        STRV_FOREACH(line, lines)
                for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                        if (startswith(*line, fields[i]))
                                assert_true(strv_extend(&state, *line) >= 0);
        for (size_t i = 0; i < ELEMENTSOF(links); i++) {
                free(TAKE_PTR(path));
                assert_true(str_format(&path, "/proc/%d/%s", pid, links[i]) >= 0);
                k = readlink(path, target, sizeof(target) - 1);
                assert_true(k > 0);
                target[k] = '\0';
                assert_true(strv_extend(&state, target) >= 0);
        }
        free(TAKE_PTR(path));
        assert_true(str_format(&path, "/proc/%d/fd", pid) >= 0);
        d = opendir(path);
        for (struct dirent *entry; (entry = readdir(d));)
                n += entry->d_name[0] != '.';
        assert_int_equal(n, 4);
        assert_true(strv_join(state, "\n", &text) >= 0);
        return text;
}

static int call_v(Harness *h, const char *method) {
        return harness_call(h, "/volume/p/custom/default/v", "Volume", method, "(sss)t", WHO, NO_FLAGS);
}

static int rename_to(Harness *h, const char *from, const char *to) {
        _cleanup_free_ char *path = NULL;

        assert_true(str_format(&path, "/volume/p/custom/default/%s", from) >= 0);
        return harness_call(h, path, "Volume", "Rename", "s(sss)t", to, WHO, NO_FLAGS);
}

/* Every kind of job. */
static void all_jobs(Harness *h) {
        assert_int_equal(create_pool(h, "q", "dir"), 0);
        assert_int_equal(harness_call(h, "/pool/p", "Pool", "DescribeResources", "t", NO_FLAGS), 0);
        assert_int_equal(create_custom(h, "/pool/p", "v"), 0);
        write_file(harness_path(h, "storage-pools/p/custom/default_v/f"), "text");
        assert_int_equal(guest_image(h, "c1", FP), 0);
        assert_int_equal(harness_operation(h, "/volume/p/custom/default/v", "Volume", "CreateSnapshot", "st(sss)t", "s", NO_FLAGS, WHO, NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Restore", "s(sss)t", "s", WHO, NO_FLAGS), 0);
        assert_int_equal(harness_operation(h, "/pool/q", "Pool", "CopyVolume", "sssa{ss}a{ss}(sss)t", "default", "w", "", 0, 2, "pool", "p", "name", "v",
                                           WHO, NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "", "Guests", "Shift", "sssssast", "p", "custom", "default", "v", "1", 1, "b 0 1000 1000", NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "/volume/p/custom/default/v", "Volume", "Update", "sa{ss}s(sss)t", "", 1, "size", "20MiB", "", WHO,
                                      (uint64_t) (UPDATE_CONFIG | UPDATE_MERGE)), 0);
        (void) harness_call(h, "/volume/p/custom/default/v", "Volume", "DescribeState", "t", NO_FLAGS); /* dir knows no usage */
        assert_int_equal(rename_to(h, "v", "u"), 0);
        assert_int_equal(rename_to(h, "u", "v"), 0);
        assert_int_equal(call_v(h, "Delete"), 0);
        assert_int_equal(harness_call(h, "/volume/q/custom/default/w", "Volume", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
        assert_int_equal(harness_call(h, "/pool/q", "Pool", "Delete", "(sss)t", WHO, NO_FLAGS), 0);
}

static void one_worker(Harness *h, const char *driver) {
        _cleanup_free_ char *before = NULL, *after = NULL;
        int pid;

        SKIP_WITHOUT_BTRFS(h, driver);
        assert_int_equal(create_pool(h, "p", driver), 0);
        pid = worker_pid(h);
        before = worker_state(pid);
        all_jobs(h);
        assert_int_equal(worker_pid(h), pid);
        after = worker_state(pid);
        assert_string_equal(before, after);

        /* Answered is let go of. */
        assert_int_equal(create_custom(h, "/pool/p", "v"), 0);
        if (streq(driver, "btrfs"))
                assert_int_equal(umount2(harness_path(h, "storage-pools/p"), UMOUNT_NOFOLLOW), 0);
        assert_int_equal(call_v(h, "Delete"), 0);
        assert_int_equal(worker_pid(h), pid);

        /* Who fails ends, and the next one goes on. */
        assert_true(harness_call(h, "", "Manager", "CreatePool", "sssa{ss}(sss)t", "x", "dir", "", 1, "source", "/nope", WHO, NO_FLAGS) < 0);
        assert_int_equal(worker_pid(h), 0);
        assert_int_equal(create_custom(h, "/pool/p", "v"), 0);
        pid = worker_pid(h);
        assert_int_not_equal(pid, 0);
        assert_int_equal(kill(pid, SIGTERM), 0);
        while (kill(pid, 0) == 0)
                (void) usleep(1000);
        assert_int_equal(call_v(h, "Delete"), 0);

        pid = worker_pid(h);
        harness_kill(h);
        for (unsigned i = 0; i < 500 && is_alive(pid); i++)
                (void) usleep(10000);
        assert_false(is_alive(pid));
        harness_start(h, NULL);
}

static void test_worker_dir(void **state) {
        one_worker(*state, "dir");
}

static void test_worker_btrfs(void **state) {
        one_worker(*state, "btrfs");
}

/* A worker that waits is no reason to stay awake. */
static void test_worker_asleep(void **state) {
        Harness *h = *state;
        int pid, status;

        harness_kill(h);
        (void) setenv("LXD_IDLE_SEC", "1", 1);
        harness_start(h, NULL);
        (void) unsetenv("LXD_IDLE_SEC");
        assert_int_equal(create_pool(h, "p", "dir"), 0);
        pid = worker_pid(h);
        assert_int_not_equal(pid, 0);
        h->bus = sd_bus_close_unref(h->bus);
        assert_int_equal(waitpid(h->daemon, &status, 0), h->daemon);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_false(is_alive(pid));
        harness_start(h, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                TEST(test_pool_bad_input),    TEST(test_pool_dir),        TEST(test_pool_btrfs),      TEST(test_pool_dir_source),
                TEST(test_pool_in_the_way),   TEST(test_pool_btrfs_too_small), TEST(test_volume_dir), TEST(test_volume_btrfs),
                TEST(test_volume_bad_input),  TEST(test_volume_in_the_way), TEST(test_volume_lists),  TEST(test_volume_defaults),
                TEST(test_guest_dir),         TEST(test_guest_btrfs),     TEST(test_guest_bad_input), TEST(test_image_broken),
                TEST(test_image_shared),      TEST(test_quota_btrfs),     TEST(test_remount_btrfs),   TEST(test_copy_dir_btrfs),
                TEST(test_copy_btrfs_dir),    TEST(test_move),            TEST(test_snapshot_duties),
                TEST(test_worker_dir),        TEST(test_worker_btrfs),    TEST(test_worker_asleep),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
