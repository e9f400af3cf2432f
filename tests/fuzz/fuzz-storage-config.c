/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what comes from clients as text: lines "key=value" of pools and volumes, names, patterns, mount options. Nothing that is accepted
 * may lead out of the pool or break a later parser. */
#include <stdio.h>

#include "driver.h"
#include "layout.h"
#include "mount.h"
#include "snapshot-pattern.h"
#include "snapshot.h"
#include "volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_one_path(const char *path) {
        assert(!strstr(path, "/../") && !endswith(path, "/..") && path[0] != '/');
        assert(strlen(path) < 4096);
}

static void try_name(const char *name) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL, other = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *volume = NULL, *snapshot = NULL, *url = NULL;

        if (volume_check_name(name, &error) < 0 || layout_volume(VOLUME_CUSTOM, "default", name, &volume) < 0)
                return;
        check_one_path(volume);
        if (layout_volume_url("p", VOLUME_CUSTOM, "default", name, NULL, &url) >= 0)
                assert(!strpbrk(url, " \n\"?#"));
        if (snapshot_check_name(name, &other) >= 0 && layout_snapshot(VOLUME_CONTAINER, "default", "c", name, &snapshot) >= 0)
                check_one_path(snapshot);
}

static void try_pattern(const char *pattern) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Snapshot taken = { .name = (char *) "snap0" };
        SnapshotList existing = { &taken, 1 };
        _cleanup_free_ char *name = NULL;

        if (snapshot_name_from_pattern(pattern, &existing, &name) < 0)
                return;
        assert(!strchr(name, '/') && !streq(name, "snap0"));
        (void) snapshot_check_name(name, &error);
}

static void try_mount_options(const char *options) {
        _cleanup_free_ char *left = NULL;
        unsigned long flags;

        if (mount_options_parse(options, &flags, &left) >= 0 && left)
                assert(strlen(left) <= strlen(options));
}

/* The items that are fine by themselves, of a pool of this driver, or of a volume (driver NULL): one that is not would hide all the others. */
static void accepted(const StorageDriver *driver, const Config *all, Config *ret) {
        CONFIG_FOREACH(i, all) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                _cleanup_(config_done) Config one = {};
                int r;

                if (config_set(&one, i->key, i->value) < 0)
                        abort();
                r = driver ? driver_check_pool(driver, &one, &error) : driver_check_volume(VOLUME_CUSTOM, "v", &one, &error);
                if (r < 0 ? !error.message : config_set(ret, i->key, i->value) < 0)
                        abort();
        }
}

static void try_pool(const StorageDriver *driver, const Config *c) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL, other = SD_BUS_ERROR_NULL, third = SD_BUS_ERROR_NULL;
        _cleanup_(config_done) Config filled = {}, volume = {};
        Pool pool = { .name = (char *) "p" };
        const char *options;

        accepted(driver, c, &filled);
        assert(driver_check_pool(driver, &filled, &error) >= 0);
        if (driver->pool_fill("/l", "p", 1 << 30, &filled, &error) < 0)
                return;
        assert(config_get(&filled, "source"));
        pool.config = filled;
        options = driver->pool_mount_options(&pool);
        if (options)
                try_mount_options(options);
        (void) driver->pool_needs_mount("/l", &pool);
        (void) driver->pool_check_update(&pool, c, &other);
        assert(driver_fill_volume(&pool, &volume) >= 0);
        (void) driver_check_volume(VOLUME_CUSTOM, "v", &volume, &third);
        (void) driver_instance_quota(&pool, c);
}

static void try_volume(const Config *c) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL, other = SD_BUS_ERROR_NULL;
        struct tm noon = { .tm_hour = 12, .tm_mday = 1 };
        _cleanup_(config_done) Config volume = {};
        const char *schedule, *expiry;
        uint64_t t;

        accepted(NULL, c, &volume);
        (void) driver_check_volume(VOLUME_CUSTOM, "v", &volume, &error);
        (void) driver_check_volume(VOLUME_CONTAINER, "c", c, &other);
        (void) driver_volume_quota(&volume);
        schedule = config_get_or(&volume, "snapshots.schedule", "");
        if (schedule[0])
                (void) snapshot_schedule_matches(schedule, &noon);
        expiry = config_get_or(&volume, "snapshots.expiry", "");
        if (expiry[0])
                assert(parse_expiry(expiry, 1700000000, &t) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size);
        _cleanup_(config_done) Config c = {};
        char *line, *rest = text;

        while (rest && (line = strsep(&rest, "\n"))) {
                char *value = strchr(line, '=');

                try_name(line);
                try_pattern(line);
                try_mount_options(line);
                if (!value)
                        continue;
                *value++ = '\0';
                if (config_set(&c, line, value) < 0)
                        return 0;
        }
        for (const StorageDriver *const *d = driver_all(); *d; d++)
                try_pool(*d, &c);
        try_volume(&c);
        return 0;
}
