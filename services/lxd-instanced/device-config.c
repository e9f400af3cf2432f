/* SPDX-License-Identifier: Apache-2.0 */
/* Device types and their keys, checks of devices by themselves and as the set of one instance. */
#include "device-config.h"

#include <stdarg.h>

#include "base/str.h"
#include "bus-error.h"
#include "instance-config.h"
#include "settings.h"

static int check_guest_path(const char *value, const char **ret_reason) {
        _cleanup_strv_free_ Strv parts = NULL;

        *ret_reason = "must be a path without \"..\"";
        if (strv_split(value, "/", &parts) < 0)
                return -ENOMEM;
        return strv_contains(parts, "..") ? -EINVAL : 0;
}

static int check_propagation(const char *value, const char **ret_reason) {
        static const char *const words[] = { "private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable" };

        *ret_reason = "must be one of: private, shared, slave, unbindable, rprivate, rshared, rslave, runbindable";
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(words[i], value))
                        return 0;
        return -EINVAL;
}

static int check_id32(const char *value, const char **ret_reason) {
        uint32_t v;

        *ret_reason = "must be a number from 0 to 4294967295";
        return parse_u32(value, &v);
}

/* A list of addresses or the word none: lxd-netd knows whether they fit the network. */
static int check_word_list(const char *value, const char **ret_reason) {
        *ret_reason = "must be addresses or subnets divided by commas";
        return value[strspn(value, "0123456789abcdefABCDEF:./, none")] == '\0' ? 0 : -EINVAL;
}

static const ConfigKey disk_keys[] = {
        { "boot.priority", check_uint, NULL, 0 },
        { "ceph.cluster_name", NULL, NULL, KEY_UNSUPPORTED },
        { "ceph.user_name", NULL, NULL, KEY_UNSUPPORTED },
        { "limits.max", NULL, NULL, KEY_UNSUPPORTED },
        { "limits.read", NULL, NULL, KEY_UNSUPPORTED },
        { "limits.write", NULL, NULL, KEY_UNSUPPORTED },
        { "optional", check_bool, NULL, 0 },
        { "path", check_guest_path, NULL, 0 },
        { "pool", NULL, NULL, 0 },
        { "propagation", check_propagation, NULL, 0 },
        { "raw.mount.options", NULL, NULL, KEY_UNSUPPORTED },
        { "readonly", check_bool, NULL, 0 },
        { "recursive", check_bool, NULL, 0 },
        { "required", check_bool, NULL, 0 },
        { "shift", check_bool, NULL, 0 },
        { "size", check_size, NULL, CONFIG_LIVE },
        { "size.state", NULL, NULL, KEY_UNSUPPORTED },
        { "source", NULL, NULL, 0 },
        { "type", NULL, NULL, 0 },
        {}
};

/* All kinds of NIC: which of the keys belong together is lxd-netd's knowledge (.Nics.Validate). */
static const ConfigKey nic_keys[] = {
        { "boot.priority", check_uint, NULL, 0 },
        { "host_name", check_interface, NULL, 0 },
        { "hwaddr", check_mac, NULL, 0 },
        { "ipv4.address", check_word_list, NULL, CONFIG_LIVE },
        { "ipv4.gateway", NULL, NULL, 0 },
        { "ipv4.host_address", check_ipv4, NULL, 0 },
        { "ipv4.host_table", check_uint, NULL, 0 },
        { "ipv4.routes", check_word_list, NULL, CONFIG_LIVE },
        { "ipv6.address", check_word_list, NULL, CONFIG_LIVE },
        { "ipv6.gateway", NULL, NULL, 0 },
        { "ipv6.host_address", check_ipv6, NULL, 0 },
        { "ipv6.host_table", check_uint, NULL, 0 },
        { "ipv6.routes", check_word_list, NULL, CONFIG_LIVE },
        { "limits.egress", NULL, NULL, CONFIG_LIVE },
        { "limits.ingress", NULL, NULL, CONFIG_LIVE },
        { "limits.max", NULL, NULL, CONFIG_LIVE },
        { "maas.subnet.ipv4", NULL, NULL, KEY_UNSUPPORTED },
        { "maas.subnet.ipv6", NULL, NULL, KEY_UNSUPPORTED },
        { "mtu", check_uint, NULL, 0 },
        { "name", check_interface, NULL, 0 },
        { "network", NULL, NULL, 0 },
        { "nictype", NULL, NULL, 0 },
        { "parent", check_interface, NULL, 0 },
        { "security.ipv4_filtering", check_bool, NULL, CONFIG_LIVE },
        { "security.ipv6_filtering", check_bool, NULL, CONFIG_LIVE },
        { "security.mac_filtering", check_bool, NULL, CONFIG_LIVE },
        { "security.port_isolation", check_bool, NULL, 0 },
        { "type", NULL, NULL, 0 },
        { "vlan", check_uint, NULL, 0 },
        {}
};

static const ConfigKey unix_keys[] = {
        { "gid", check_id32, "0", 0 },
        { "major", check_id32, NULL, 0 },
        { "minor", check_id32, NULL, 0 },
        { "mode", check_mode, "0660", 0 },
        { "path", check_guest_path, NULL, 0 },
        { "required", check_bool, "true", 0 },
        { "source", check_absolute_path, NULL, 0 },
        { "type", NULL, NULL, 0 },
        { "uid", check_id32, "0", 0 },
        {}
};

static const ConfigKey none_keys[] = {
        { "type", NULL, NULL, 0 },
        {}
};

static const struct {
        const char *type;
        const ConfigKey *keys;
} kinds[_DEVICE_KIND_MAX] = {
        [DEVICE_NONE] = { "none", none_keys },
        [DEVICE_DISK] = { "disk", disk_keys },
        [DEVICE_NIC] = { "nic", nic_keys },
        [DEVICE_UNIX_CHAR] = { "unix-char", unix_keys },
        [DEVICE_UNIX_BLOCK] = { "unix-block", unix_keys },
};

static const char *const unsupported_types[] = { "gpu", "infiniband", "proxy", "unix-hotplug", "usb", "tpm", "pci" };

DeviceKind device_kind(const Config *device) {
        const char *type = config_get(device, "type");

        for (int i = 0; type && i < _DEVICE_KIND_MAX; i++)
                if (streq(kinds[i].type, type))
                        return (DeviceKind) i;
        return _DEVICE_KIND_INVALID;
}

bool device_is_root(const Config *device) {
        return device_kind(device) == DEVICE_DISK && streq_ptr(config_get(device, "path"), "/");
}

bool device_is_custom_volume(const Config *device) {
        return device_kind(device) == DEVICE_DISK && !device_is_root(device) && !isempty(config_get(device, "pool")) &&
               !isempty(config_get(device, "source"));
}

bool device_is_required(const Config *device) {
        const char *required = config_get(device, "required");

        return !config_is_true(device, "optional") && (isempty(required) || str_is_true(required));
}

static int fail(const Device *d, sd_bus_error *error, const char *name, const char *format, ...) printf_like(4, 5);
static int fail(const Device *d, sd_bus_error *error, const char *name, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = str_vformat(&text, format, ap);
        va_end(ap);
        if (r < 0)
                return r;
        return bus_error_set(error, name, "Device validation failed for \"%s\": %s", d->name, text);
}

static int check_disk(const Device *d, sd_bus_error *error) {
        const Config *c = &d->config;
        const char *path = config_get(c, "path"), *source = config_get(c, "source"), *pool = config_get(c, "pool");

        if (isempty(path) && isempty(source))
                return fail(d, error, LXD_ERROR_INVALID, "Disk entry is missing the required \"source\" or \"path\" property");
        if (isempty(path))
                return fail(d, error, LXD_ERROR_INVALID, "Disk entry is missing the required \"path\" property");
        if (device_is_root(c)) {
                if (!isempty(source))
                        return fail(d, error, LXD_ERROR_INVALID, "Root disk entry may not have a \"source\" property set");
                if (isempty(pool))
                        return fail(d, error, LXD_ERROR_INVALID, "Root disk entry must have a \"pool\" property set");
                return 0;
        }
        if (isempty(source))
                return fail(d, error, LXD_ERROR_INVALID, "Disk entry is missing the required \"source\" property");
        if (config_get(c, "size"))
                return fail(d, error, LXD_ERROR_INVALID, "Only the root disk may have a size quota");
        if (startswith(source, "ceph:") || startswith(source, "cephfs:") || streq(source, "cloud-init:config"))
                return fail(d, error, LXD_ERROR_NOT_SUPPORTED, "Disks of the kind \"%s\" are not supported by this server yet", source);
        if (!isempty(pool)) {
                if (source[0] == '/')
                        return fail(d, error, LXD_ERROR_INVALID, "Storage volumes cannot be specified as absolute paths");
                if (!object_name_is_valid(source))
                        return fail(d, error, LXD_ERROR_INVALID, "Invalid volume name \"%s\"", source);
        } else if (source[0] != '/')
                return fail(d, error, LXD_ERROR_INVALID, "Source path must be absolute for local sources");
        return 0;
}

static const struct {
        const char *name;
        bool needs_parent;
} nictypes[] = {
        { "bridged", true }, { "ipvlan", true },    { "macvlan", true },  { "p2p", false },
        { "physical", true }, { "routed", false }, { "sriov", true },
};

static int check_nictype(const Device *d, const char *nictype, sd_bus_error *error) {
        for (size_t i = 0; i < ELEMENTSOF(nictypes); i++) {
                if (!streq(nictypes[i].name, nictype))
                        continue;
                if (nictypes[i].needs_parent && isempty(config_get(&d->config, "parent")))
                        return fail(d, error, LXD_ERROR_INVALID, "Invalid value for device option \"parent\": Required value");
                return 0;
        }
        return fail(d, error, LXD_ERROR_INVALID, "Failed loading device \"%s\": Unsupported device type", d->name);
}

static int check_nic(const Device *d, sd_bus_error *error) {
        static const char *const of_the_network[] = { "nictype", "parent", "mtu" };
        const Config *c = &d->config;
        const char *network = config_get(c, "network"), *nictype = config_get(c, "nictype");

        if (isempty(network) && isempty(nictype))
                return fail(d, error, LXD_ERROR_INVALID, "Requires name property for \"network\", or \"nictype\" with what it needs");
        for (size_t i = 0; !isempty(network) && i < ELEMENTSOF(of_the_network); i++)
                if (!isempty(config_get(c, of_the_network[i])))
                        return fail(d, error, LXD_ERROR_INVALID, "Cannot use \"%s\" property in conjunction with \"network\" property",
                                    of_the_network[i]);
        return isempty(nictype) ? 0 : check_nictype(d, nictype, error);
}

static int check_unix(const Device *d, sd_bus_error *error) {
        const Config *c = &d->config;
        bool major = config_get(c, "major"), minor = config_get(c, "minor");

        if (isempty(config_get(c, "source")) && isempty(config_get(c, "path")))
                return fail(d, error, LXD_ERROR_INVALID, "Unix device entry is missing the required \"source\" or \"path\" property");
        if (major != minor)
                return fail(d, error, LXD_ERROR_INVALID, "Both major and minor must be supplied for device");
        return 0;
}

static int device_check_keys(const Device *d, const ConfigKey *keys, sd_bus_error *error) {
        CONFIG_FOREACH(i, &d->config) {
                const ConfigKey *k = config_schema_find(keys, i->key);
                const char *reason = NULL;

                if (!k || !text_is_valid(i->key, false))
                        return fail(d, error, LXD_ERROR_INVALID, "Invalid device option \"%s\"", i->key);
                if (!text_is_valid(i->value, false))
                        return fail(d, error, LXD_ERROR_INVALID, "Invalid value for device option \"%s\": control characters", i->key);
                if (isempty(i->value))
                        continue;
                if (k->flags & KEY_UNSUPPORTED)
                        return fail(d, error, LXD_ERROR_NOT_SUPPORTED, "Option \"%s\" is known but this server cannot honour it yet", i->key);
                if (k->check && k->check(i->value, &reason) < 0)
                        return fail(d, error, LXD_ERROR_INVALID, "Invalid value for device option \"%s\": \"%s\"%s%s", i->key, i->value,
                                    reason ? " " : "", strempty(reason));
        }
        return 0;
}

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int device_check(const Device *d, sd_bus_error *error) {
        const char *type = config_get(&d->config, "type");
        DeviceKind kind = device_kind(&d->config);
        int r;

        if (d->name[0] == '\0' || strlen(d->name) > 63)
                return fail(d, error, LXD_ERROR_INVALID, "Name must be 1-63 characters long");
        /* Names become names of files: no slash, which LXD takes. */
        if (d->name[strspn(d->name, DIGITS LETTERS "-:_.")] || streq(d->name, ".") || streq(d->name, ".."))
                return fail(d, error, LXD_ERROR_INVALID, "Name can only contain alphanumeric, hyphen, colon, underscore and full stop characters");
        if (isempty(type))
                return fail(d, error, LXD_ERROR_INVALID, "Missing device type in config");
        for (size_t i = 0; i < ELEMENTSOF(unsupported_types); i++)
                if (streq(unsupported_types[i], type))
                        return fail(d, error, LXD_ERROR_NOT_SUPPORTED, "Devices of type \"%s\" are not supported by this server yet", type);
        if (kind < 0)
                return fail(d, error, LXD_ERROR_INVALID, "Failed loading device \"%s\": Unsupported device type", d->name);

        r = device_check_keys(d, kinds[kind].keys, error);
        if (r < 0)
                return r;

        switch (kind) {
        case DEVICE_DISK:
                return check_disk(d, error);
        case DEVICE_NIC:
                return check_nic(d, error);
        case DEVICE_UNIX_CHAR:
        case DEVICE_UNIX_BLOCK:
                return check_unix(d, error);
        default:
                return 0;
        }
}

int devices_check(const Devices *d, sd_bus_error *error) {
        DEVICES_FOREACH(i, d) {
                int r = device_check(i, error);

                if (r < 0)
                        return r;
                for (const Device *j = i + 1; device_is_root(&i->config) && j < d->items + d->n; j++)
                        if (device_is_root(&j->config))
                                return fail(i, error, LXD_ERROR_INVALID, "More than one disk device uses the same path \"/\"");
        }
        return 0;
}

/* Where a device shows up inside, for the check of duplicates; NULL when the device has no place of its own. */
static const char *device_place(const Config *c) {
        switch (device_kind(c)) {
        case DEVICE_DISK:
                return config_get(c, "path");
        case DEVICE_UNIX_CHAR:
        case DEVICE_UNIX_BLOCK:
                return config_get_or(c, "path", config_get_or(c, "source", NULL));
        case DEVICE_NIC:
                return config_get(c, "name");
        default:
                return NULL;
        }
}

int devices_check_expanded(const Devices *d, sd_bus_error *error) {
        unsigned roots = 0;

        DEVICES_FOREACH(a, d) {
                const char *place = device_place(&a->config);

                if (device_is_root(&a->config))
                        roots++;
                for (const Device *b = a + 1; place && b < d->items + d->n; b++)
                        if (!device_is_root(&a->config) && streq_ptr(device_place(&b->config), place))
                                return bus_error_set(error, LXD_ERROR_INVALID,
                                                     "Invalid devices: \"%s\" and \"%s\" are both at \"%s\"", a->name, b->name, place);
        }

        if (roots > 1)
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid devices: More than one root device found");
        if (roots == 0 || !devices_find_root(d))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Invalid devices: Failed detecting root disk device: No root device could be found");
        return 0;
}

static bool key_is_live(const ConfigKey *keys, const char *key, const Config *old, const Config *new) {
        const ConfigKey *k;

        if (streq_ptr(config_get(old, key), config_get(new, key)))
                return true;
        k = config_schema_find(keys, key);
        return k && (k->flags & CONFIG_LIVE);
}

bool device_change_is_live(const Config *old, const Config *new) {
        DeviceKind kind = device_kind(old);

        if (kind < 0 || device_kind(new) != kind)
                return false;
        CONFIG_FOREACH(i, old)
                if (!key_is_live(kinds[kind].keys, i->key, old, new))
                        return false;
        CONFIG_FOREACH(i, new)
                if (!key_is_live(kinds[kind].keys, i->key, old, new))
                        return false;
        return true;
}
