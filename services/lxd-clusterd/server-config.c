/* SPDX-License-Identifier: Apache-2.0 */
/* The table of server keys. */
#include "base/str.h"
#include "bus-error.h"
#include "server-config.h"

enum {
        SERVER_SECRET = 1 << 8,  /* stored hashed, shown as "true" */
        SERVER_LATER = 1 << 9,   /* belongs to a part that is not there yet: setting it would be a lie */
        SERVER_REMOVED = 1 << 10 /* refused by LXD as well */
};

static int check_compression(const char *value, const char **ret_reason) {
        static const char *const known[] = { "none", "bzip2", "gzip", "lz4", "lzma", "pigz", "pzstd", "squashfs", "xz", "zstd" };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(value, known[i]))
                        return 0;
        *ret_reason = "not a known compression (none, bzip2, gzip, lz4, lzma, xz, zstd, ...)";
        return -EINVAL;
}

const ConfigKey server_config_keys[] = {
        { "backups.compression_algorithm", check_compression, "gzip", 0 },
        { "cluster.*", NULL, NULL, SERVER_LATER },
        { "core.debug_address", NULL, NULL, SERVER_LATER },
        { "core.https_address", NULL, NULL, SERVER_LATER },
        { "core.https_allowed_credentials", check_bool, NULL, 0 },
        { "core.https_allowed_headers", NULL, NULL, 0 },
        { "core.https_allowed_methods", NULL, NULL, 0 },
        { "core.https_allowed_origin", NULL, NULL, 0 },
        { "core.https_trusted_proxy", NULL, NULL, SERVER_LATER },
        { "core.proxy_http", NULL, NULL, SERVER_LATER },
        { "core.proxy_https", NULL, NULL, SERVER_LATER },
        { "core.proxy_ignore_hosts", NULL, NULL, SERVER_LATER },
        { "core.shutdown_timeout", check_uint, "5", 0 },
        { "core.trust_ca_certificates", check_bool, NULL, SERVER_LATER },
        { "core.trust_password", NULL, NULL, SERVER_SECRET },
        { "candid.*", NULL, NULL, SERVER_LATER },
        { "images.auto_update_cached", check_bool, "true", 0 },
        { "images.auto_update_interval", check_uint, "6", 0 },
        { "images.compression_algorithm", check_compression, "gzip", 0 },
        { "images.remote_cache_expiry", check_uint, "10", 0 },
        { "maas.*", NULL, NULL, SERVER_LATER },
        { "rbac.*", NULL, NULL, SERVER_LATER },
        { "storage.backups_volume", NULL, NULL, SERVER_LATER },
        { "storage.images_volume", NULL, NULL, SERVER_LATER },
        { "storage.lvm_*", NULL, NULL, SERVER_REMOVED },
        { "storage.zfs_*", NULL, NULL, SERVER_REMOVED },
        { "user.*", NULL, NULL, CONFIG_MULTILINE },
        {},
};

int server_config_check(const Config *c, sd_bus_error *error) {
        int r;

        r = config_schema_check(server_config_keys, c, error);
        if (r < 0)
                return r;
        CONFIG_FOREACH(i, c) {
                const ConfigKey *k = config_schema_find(server_config_keys, i->key);

                if (isempty(i->value))
                        continue;
                if (k->flags & SERVER_REMOVED)
                        return bus_error_set(error, LXD_ERROR_INVALID,
                                             "The key %s is no longer supported: configure the storage pool instead", i->key);
                if (k->flags & SERVER_LATER)
                        return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                             "The key %s cannot be set: this server does not have that feature yet", i->key);
        }
        return 0;
}

int server_config_public(const Config *c, Config *ret) {
        _cleanup_(config_done) Config copy = {};
        int r;

        CONFIG_FOREACH(i, c) {
                const ConfigKey *k = config_schema_find(server_config_keys, i->key);

                r = config_set(&copy, i->key, k && (k->flags & SERVER_SECRET) ? "true" : i->value);
                if (r < 0)
                        return r;
        }
        *ret = copy;
        copy = (Config) {};
        return 0;
}
