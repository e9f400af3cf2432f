/* SPDX-License-Identifier: Apache-2.0 */
/* A storage driver as the daemon sees it: its keys and what it makes of a pool's config. What it does to the host is the
 * worker's side of it (worker/backend.h). */
#pragma once

#include "config-schema.h"
#include "model.h"

typedef struct StorageDriver {
        const char *name;
        const char *version; /* for ListDrivers */
        bool remote;         /* volumes can be reached from other servers */
        const ConfigKey *pool_keys;

        /* Completes and checks the config of a new pool before anything is made: default source and size. free_bytes: free space below
         * state_dir. 0, -EINVAL with error set, -ENOMEM. */
        int (*pool_fill)(const char *state_dir, const char *pool, uint64_t free_bytes, Config *config,
                         sd_bus_error *error);
        /* May a pool's config change so? Pool keys have been checked. 0, -EINVAL with error set. */
        int (*pool_check_update)(const Pool *pool, const Config *config, sd_bus_error *error);
        /* Is the pool's directory a mount (that has to be made after a boot)? */
        bool (*pool_needs_mount)(const char *state_dir, const Pool *pool);
        /* Mount options for the worker; "" = none. */
        const char *(*pool_mount_options)(const Pool *pool);
} StorageDriver;

extern const StorageDriver driver_dir;
extern const StorageDriver driver_btrfs;

/* NULL when there is none. */
const StorageDriver *driver_find(const char *name);
/* All drivers; ends with NULL. */
const StorageDriver *const *driver_all(void);

/* Checks the keys and values of a pool's config, with LXD's texts. 0, -EINVAL. */
int driver_check_pool(const StorageDriver *d, const Config *config, sd_bus_error *error);
/* The same for a volume of that type; `volume` is its name in the texts. */
int driver_check_volume(const char *type, const char *volume, const Config *config, sd_bus_error *error);
/* Sets in a new custom volume's config what it does not set itself and the pool has as volume.<key>. 0, -ENOMEM. */
int driver_fill_volume(const Pool *pool, Config *config);
/* Bytes of the size= in a volume's config, 0 = none. */
uint64_t driver_volume_quota(const Config *config);

/* The same for an instance: without a size of its own the pool's volume.size. */
uint64_t driver_instance_quota(const Pool *pool, const Config *config);

/* For the drivers: a source cannot change once the pool is there. */
int driver_check_source(const Pool *pool, const Config *config, sd_bus_error *error);

/* Keys that all drivers have, for their tables. */
#define POOL_KEYS_COMMON                                                                                      \
        { "source", NULL, NULL, 0 }, { "volatile.initial_source", NULL, NULL, 0 },                            \
        { "rsync.bwlimit", check_size, NULL, 0 }, { "rsync.compression", check_bool, NULL, 0 },                     \
        { "user.*", NULL, NULL, CONFIG_MULTILINE }, { "volume.size", check_size, NULL, 0 },                   \
        { "volume.security.shifted", check_bool, NULL, 0 },                                                   \
        { "volume.security.unmapped", check_bool, NULL, 0 },                                                  \
        { "volume.snapshots.expiry", check_volume_expiry, NULL, 0 },                                          \
        { "volume.snapshots.pattern", NULL, NULL, 0 },                                                        \
        { "volume.snapshots.schedule", check_volume_schedule, NULL, 0 }, {                                    \
        }
int check_volume_expiry(const char *value, const char **ret_reason);
int check_volume_schedule(const char *value, const char **ret_reason);
