/* SPDX-License-Identifier: Apache-2.0 */
/* Driver "dir": a directory, ours or bind-mounted from `source`. */
#include "driver.h"
#include "layout.h"

static const ConfigKey dir_keys[] = { POOL_KEYS_COMMON };

static int dir_pool_fill(const char *state_dir, const char *pool, uint64_t free_bytes, Config *config,
                         sd_bus_error *error) {
        const char *source = config_get(config, "source");
        _cleanup_free_ char *path = NULL;
        int r;

        if (!isempty(source))
                return config_set(config, "volatile.initial_source", source);
        r = layout_pool(state_dir, pool, &path);
        return r < 0 ? r : config_set(config, "source", path);
}

static bool dir_pool_needs_mount(const char *state_dir, const Pool *pool) {
        _cleanup_free_ char *path = NULL;

        return layout_pool(state_dir, pool->name, &path) < 0 ||
               !streq(path, config_get_or(&pool->config, "source", path));
}

static const char *dir_pool_mount_options(const Pool *pool) {
        return "";
}

const StorageDriver driver_dir = {
        .name = "dir",
        .version = "1",
        .pool_keys = dir_keys,
        .pool_fill = dir_pool_fill,
        .pool_check_update = driver_check_source,
        .pool_needs_mount = dir_pool_needs_mount,
        .pool_mount_options = dir_pool_mount_options,
};
