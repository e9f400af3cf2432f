/* SPDX-License-Identifier: Apache-2.0 */
/* Registry of storage drivers and the checks they share. */
#include "driver.h"

#include "bus-error.h"
#include "snapshot-pattern.h"

const StorageDriver *const *driver_all(void) {
        static const StorageDriver *const drivers[] = { &driver_btrfs, &driver_dir, NULL };

        return drivers;
}

const StorageDriver *driver_find(const char *name) {
        for (const StorageDriver *const *d = driver_all(); *d; d++)
                if (streq((*d)->name, name))
                        return *d;
        return NULL;
}

int check_volume_expiry(const char *value, const char **ret_reason) {
        uint64_t t;

        if (parse_expiry(value, 0, &t) >= 0)
                return 0;
        *ret_reason = "not a time span like 1M 2H 3d 4w 5m 6y";
        return -EINVAL;
}

/* A volume does not start. */
int check_volume_schedule(const char *value, const char **ret_reason) {
        int r = snapshot_schedule_check(value, ret_reason);

        return r < 0 ? r : strstr(value, "@startup") ? -EINVAL : 0;
}

/* Only custom volumes have these; of an instance's volume they are the instance's business. */
#define CONFIG_CUSTOM (1U << 16)

static const ConfigKey volume_keys[] = {
        { "size", check_size, NULL, CONFIG_CUSTOM },
        { "security.shifted", check_bool, NULL, CONFIG_CUSTOM },
        { "security.unmapped", check_bool, NULL, CONFIG_CUSTOM },
        { "snapshots.expiry", check_volume_expiry, NULL, 0 },
        { "snapshots.pattern", NULL, NULL, 0 },
        { "snapshots.schedule", check_volume_schedule, NULL, 0 },
        { "volatile.idmap.last", NULL, NULL, 0 },
        { "volatile.idmap.next", NULL, NULL, 0 },
        { "volatile.rootfs.size", check_uint, NULL, 0 },
        { "user.*", NULL, NULL, CONFIG_MULTILINE },
        {},
};

static int check_value(const ConfigKey *k, const ConfigItem *i, const char **ret_reason) {
        if (!text_is_valid(i->value, k->flags & CONFIG_MULTILINE)) {
                *ret_reason = "control characters are not allowed";
                return -EINVAL;
        }
        return i->value[0] && k->check ? k->check(i->value, ret_reason) : 0;
}

int driver_check_pool(const StorageDriver *d, const Config *config, sd_bus_error *error) {
        CONFIG_FOREACH(i, config) {
                const ConfigKey *k = config_schema_find(d->pool_keys, i->key);
                const char *reason = "not allowed";

                if (!k || !text_is_valid(i->key, false))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid option \"%s\"", i->key);
                if (check_value(k, i, &reason) < 0)
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid value for option \"%s\": \"%s\": %s", i->key,
                                             i->value, reason);
        }
        return 0;
}

int driver_check_volume(const char *type, const char *volume, const Config *config, sd_bus_error *error) {
        bool custom = streq(type, VOLUME_CUSTOM);

        CONFIG_FOREACH(i, config) {
                const ConfigKey *k = config_schema_find(volume_keys, i->key);
                const char *reason = "not allowed";

                if (!custom && streq(i->key, "size"))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Volume \"size\" property is not valid for volume type");
                if (!k || !text_is_valid(i->key, false) || (!custom && (k->flags & CONFIG_CUSTOM)))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid option for volume \"%s\" option \"%s\"",
                                             volume, i->key);
                if (check_value(k, i, &reason) < 0)
                        return bus_error_set(error, LXD_ERROR_INVALID,
                                             "Invalid value for volume \"%s\" option \"%s\": \"%s\": %s", volume, i->key,
                                             i->value, reason);
        }
        if (config_is_true(config, "security.unmapped") && config_is_true(config, "security.shifted"))
                return bus_error_set(error, LXD_ERROR_INVALID, "security.unmapped and security.shifted are mutually exclusive");
        return 0;
}

int driver_fill_volume(const Pool *pool, Config *config) {
        int r;

        CONFIG_FOREACH(i, &pool->config) {
                const char *key = startswith(i->key, "volume.");

                if (!key || config_get(config, key))
                        continue;
                r = config_set(config, key, i->value);
                if (r < 0)
                        return r;
        }
        return 0;
}

uint64_t driver_volume_quota(const Config *config) {
        const char *size = config_get(config, "size");
        uint64_t bytes;

        return size && size[0] && parse_size(size, &bytes) >= 0 ? bytes : 0;
}

uint64_t driver_instance_quota(const Pool *pool, const Config *config) {
        const char *size = config_get(&pool->config, "volume.size");
        uint64_t bytes = driver_volume_quota(config);

        if (bytes == 0 && !isempty(size) && parse_size(size, &bytes) < 0)
                return 0;
        return bytes;
}

int driver_check_source(const Pool *pool, const Config *config, sd_bus_error *error) {
        if (streq_ptr(config_get(&pool->config, "source"), config_get(config, "source")))
                return 0;
        return bus_error_set(error, LXD_ERROR_INVALID, "Pool source cannot be changed when not in pending state");
}
