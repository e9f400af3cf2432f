/* SPDX-License-Identifier: Apache-2.0 */
/* The table of project keys, and the names of projects. */
#include "base/str.h"
#include "bus-error.h"
#include "config-schema.h"
#include "project-config.h"

enum {
        PROJECT_LATER = 1 << 8 /* nobody enforces it yet: to store it would be a promise that is not kept */
};

static const ConfigKey project_keys[] = {
        { "backups.compression_algorithm", NULL, NULL, PROJECT_LATER },
        { "features.images", check_bool, NULL, 0 },
        { "features.networks", check_bool, NULL, 0 },
        { "features.profiles", check_bool, NULL, 0 },
        { "features.storage.volumes", check_bool, NULL, 0 },
        { "images.auto_update_cached", check_bool, NULL, PROJECT_LATER },
        { "images.auto_update_interval", check_int, NULL, PROJECT_LATER },
        { "images.compression_algorithm", NULL, NULL, PROJECT_LATER },
        { "images.default_architecture", NULL, NULL, PROJECT_LATER },
        { "images.remote_cache_expiry", check_int, NULL, PROJECT_LATER },
        { "limits.containers", check_uint, NULL, PROJECT_LATER },
        { "limits.cpu", check_uint, NULL, PROJECT_LATER },
        { "limits.disk", check_size, NULL, PROJECT_LATER },
        { "limits.instances", check_uint, NULL, PROJECT_LATER },
        { "limits.memory", check_size, NULL, PROJECT_LATER },
        { "limits.networks", check_uint, NULL, PROJECT_LATER },
        { "limits.processes", check_uint, NULL, PROJECT_LATER },
        { "limits.virtual-machines", check_uint, NULL, PROJECT_LATER },
        { "restricted", check_bool, NULL, PROJECT_LATER },
        { "restricted.*", NULL, NULL, PROJECT_LATER },
        { "user.*", NULL, NULL, CONFIG_MULTILINE },
        {},
};

int project_name_check(const char *name, sd_bus_error *error) {
        if (isempty(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "No name provided");
        if (strchr(name, '/'))
                return bus_error_set(error, LXD_ERROR_INVALID, "Project names may not contain slashes");
        if (strchr(name, ' '))
                return bus_error_set(error, LXD_ERROR_INVALID, "Project names may not contain spaces");
        if (strchr(name, '_'))
                return bus_error_set(error, LXD_ERROR_INVALID, "Project names may not contain underscores");
        if (strpbrk(name, "'\""))
                return bus_error_set(error, LXD_ERROR_INVALID, "Project names may not contain quotes");
        if (streq(name, "*"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Reserved project name");
        if (!object_name_is_valid(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid project name \"%s\"", name);
        return 0;
}

int project_config_check(const Config *old, const Config *new, sd_bus_error *error) {
        CONFIG_FOREACH(i, new) {
                const ConfigKey *k = config_schema_find(project_keys, i->key);
                const char *reason = NULL;

                if (streq_ptr(config_get(old, i->key), i->value))
                        continue;
                if (!k)
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid project configuration key \"%s\"", i->key);
                if (!text_is_valid(i->value, k->flags & CONFIG_MULTILINE) || (k->check && k->check(i->value, &reason) < 0))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid project configuration key \"%s\" value: \"%.100s\" is %s",
                                             i->key, i->value, reason ?: "not plain text");
                if (k->flags & PROJECT_LATER)
                        return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                             "Project configuration key \"%s\" is known but this server cannot honour it yet", i->key);
        }
        return 0;
}
