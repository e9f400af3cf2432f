/* SPDX-License-Identifier: Apache-2.0 */
/* Driver "btrfs": a loop file of ours, a block device or a place in an existing btrfs. */
#include "bus-error.h"
#include "driver.h"
#include "layout.h"

static const ConfigKey btrfs_keys[] = {
        { "size", check_size, NULL, 0 },
        { "btrfs.mount_options", NULL, NULL, 0 },
        POOL_KEYS_COMMON,
};

static int btrfs_fill_loop(const char *path, uint64_t free_bytes, Config *config) {
        int r;

        r = config_set(config, "source", path);
        if (r >= 0 && isempty(config_get(config, "size")))
                r = config_setf(config, "size", "%" PRIu64 "GiB", layout_loop_size_gib(free_bytes));
        return r;
}

static int btrfs_pool_fill(const char *state_dir, const char *pool, uint64_t free_bytes, Config *config,
                           sd_bus_error *error) {
        const char *source = config_get(config, "source");
        _cleanup_free_ char *loop = NULL;
        int r;

        r = layout_loop_file(state_dir, pool, &loop);
        if (r < 0)
                return r;
        if (isempty(source))
                return btrfs_fill_loop(loop, free_bytes, config);
        r = config_set(config, "volatile.initial_source", source);
        if (r < 0)
                return r;
        if (streq(config_get(config, "source"), loop))
                return btrfs_fill_loop(loop, free_bytes, config);
        if (config_get(config, "source")[0] != '/')
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid \"source\" property");
        /* The size of a device or of somebody's file system is what it is. */
        return config_set(config, "size", NULL);
}

static int btrfs_pool_check_update(const Pool *pool, const Config *config, sd_bus_error *error) {
        int r;

        r = driver_check_source(pool, config, error);
        if (r < 0)
                return r;
        if (!streq_ptr(config_get(&pool->config, "size"), config_get(config, "size")))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "The size of storage pool \"%s\" cannot be changed: its loop file is not resized",
                                     pool->name);
        return 0;
}

static bool btrfs_pool_needs_mount(const char *state_dir, const Pool *pool) {
        _cleanup_free_ char *path = NULL;

        return layout_pool(state_dir, pool->name, &path) < 0 ||
               !streq(path, config_get_or(&pool->config, "source", ""));
}

static const char *btrfs_pool_mount_options(const Pool *pool) {
        const char *options = config_get(&pool->config, "btrfs.mount_options");

        return isempty(options) ? "user_subvol_rm_allowed" : options;
}

const StorageDriver driver_btrfs = {
        .name = "btrfs",
        .version = "6.2",
        .pool_keys = btrfs_keys,
        .pool_fill = btrfs_pool_fill,
        .pool_check_update = btrfs_pool_check_update,
        .pool_needs_mount = btrfs_pool_needs_mount,
        .pool_mount_options = btrfs_pool_mount_options,
};
