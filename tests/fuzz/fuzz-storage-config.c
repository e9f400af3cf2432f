/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what comes from clients as text: lines "key=value" of pools and volumes, names, patterns, mount options. Nothing that is accepted
 * may lead out of the pool or break a later parser. */
#include <stdio.h>

#include "driver.h"
#include "layout.h"
#include "mount.h"
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

static void try_config(Config *c) {
        Pool pool = { .name = (char *) "p" };

        for (const StorageDriver *const *d = driver_all(); *d; d++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                _cleanup_(config_done) Config filled = {};

                if (driver_check_pool(*d, c, &error) < 0 || config_copy(c, &filled) < 0)
                        continue;
                if ((*d)->pool_fill("/l", "p", 1 << 30, &filled, &error) >= 0)
                        assert(config_get(&filled, "source"));
        }
        pool.config = *c;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(config_done) Config volume = {};

        if (driver_fill_volume(&pool, &volume) >= 0 && driver_check_volume(VOLUME_CUSTOM, "v", &volume, &error) >= 0)
                (void) driver_volume_quota(&volume);
        (void) driver_instance_quota(&pool, c);
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
        try_config(&c);
        return 0;
}
