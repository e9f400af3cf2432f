/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration keys of instances and profiles, their values, and how the values are read. */
#include "instance-config.h"

#include "base/str.h"
#include "bus-error.h"
#include "idmap.h"
#include "lxc-raw.h"
#include "snapshot-pattern.h"

int cpu_limit_parse(const char *value, CpuLimit *ret) {
        uint32_t count;
        bool digit = false;

        if (parse_u32(value, &count) >= 0) {
                if (count == 0)
                        return -EINVAL;
                *ret = (CpuLimit) { .count = count };
                return 0;
        }

        for (const char *p = value; *p; p++) {
                if (*p >= '0' && *p <= '9')
                        digit = true;
                else if ((*p != ',' && *p != '-') || (p > value && (p[-1] == '-' || (*p == '-' && p[-1] == ','))))
                        return -EINVAL;
        }
        if (!digit || value[0] == ',' || value[0] == '-' || value[strlen(value) - 1] == '-')
                return -EINVAL;

        *ret = (CpuLimit) { .set = (char *) value };
        return 0;
}

/* A number of digits and the given suffix. */
static int parse_suffixed(const char *s, const char *end, const char *suffix, uint64_t *ret) {
        _cleanup_free_ char *digits = NULL;
        size_t n = strlen(suffix);

        if ((size_t) (end - s) <= n || memcmp(end - n, suffix, n) != 0)
                return -EINVAL;

        digits = strndup(s, (size_t) (end - s) - n);
        if (!digits)
                return -ENOMEM;
        return parse_u64(digits, ret);
}

int cpu_allowance_parse(const char *value, CpuAllowance *ret) {
        const char *end = value + strlen(value), *slash = strchr(value, '/');
        uint64_t percent, quota, period;
        int r;

        if (!slash) {
                r = parse_suffixed(value, end, "%", &percent);
                if (r < 0)
                        return r;
                if (percent == 0 || percent > 100000)
                        return -ERANGE;
                *ret = (CpuAllowance) { .percent = (unsigned) percent };
                return 0;
        }

        r = parse_suffixed(value, slash, "ms", &quota);
        if (r >= 0)
                r = parse_suffixed(slash + 1, end, "ms", &period);
        if (r < 0)
                return r;
        /* The kernel takes periods of 1 ms to 1 s and quotas from 1 ms. */
        if (quota == 0 || quota > 1000000 || period == 0 || period > 1000)
                return -ERANGE;

        *ret = (CpuAllowance) { .quota = quota * 1000, .period = period * 1000 };
        return 0;
}

int memory_limit_parse(const char *value, uint64_t host_memory, uint64_t *ret) {
        uint64_t percent;
        int r;

        if (!endswith(value, "%"))
                return parse_size(value, ret);

        r = parse_suffixed(value, value + strlen(value), "%", &percent);
        if (r < 0)
                return r;
        if (percent == 0 || percent > 100)
                return -ERANGE;

        *ret = host_memory / 100 * percent;
        return 0;
}

static int check_cpu(const char *value, const char **ret_reason) {
        CpuLimit l;

        *ret_reason = "neither a number of CPUs nor a set of CPUs";
        return cpu_limit_parse(value, &l);
}

static int check_allowance(const char *value, const char **ret_reason) {
        CpuAllowance a;

        *ret_reason = "neither a percentage (50%) nor a slice of time (25ms/100ms)";
        return cpu_allowance_parse(value, &a) < 0 ? -EINVAL : 0;
}

static int check_memory(const char *value, const char **ret_reason) {
        uint64_t bytes;

        *ret_reason = "neither a size in bytes nor a percentage of the memory";
        return memory_limit_parse(value, UINT64_MAX, &bytes) < 0 ? -EINVAL : 0;
}

static int check_enforce(const char *value, const char **ret_reason) {
        *ret_reason = "must be one of: soft, hard";
        return streq(value, "soft") || streq(value, "hard") ? 0 : -EINVAL;
}

static int check_evacuate(const char *value, const char **ret_reason) {
        *ret_reason = "must be one of: auto, migrate, live-migrate, stop";
        return streq(value, "auto") || streq(value, "migrate") || streq(value, "live-migrate") || streq(value, "stop") ? 0 : -EINVAL;
}

static int check_rlimit_part(const char *s, size_t n) {
        _cleanup_free_ char *part = strndup(s, n);
        uint64_t v;

        if (!part)
                return -ENOMEM;
        return streq(part, "unlimited") ? 0 : parse_u64(part, &v);
}

static int check_rlimit(const char *value, const char **ret_reason) {
        const char *colon = strchrnul(value, ':');

        *ret_reason = "must be a number or \"unlimited\", or two of them: soft:hard";
        if (check_rlimit_part(value, (size_t) (colon - value)) < 0)
                return -EINVAL;
        return *colon && check_rlimit_part(colon + 1, strlen(colon + 1)) < 0 ? -EINVAL : 0;
}

static int check_modules(const char *value, const char **ret_reason) {
        *ret_reason = "must be names of kernel modules, divided by commas";
        return value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-, ")] == '\0' ? 0 : -EINVAL;
}

static int check_expiry(const char *value, const char **ret_reason) {
        uint64_t t;

        *ret_reason = "must be spans of time like 1M 2H 3d 4w 5m 6y";
        return parse_expiry(value, 0, &t) < 0 ? -EINVAL : 0;
}

static int check_pattern(const char *value, const char **ret_reason) {
        return snapshot_pattern_check(value, ret_reason);
}

static int check_schedule(const char *value, const char **ret_reason) {
        return snapshot_schedule_check(value, ret_reason);
}

static int check_raw_idmap(const char *value, const char **ret_reason) {
        _cleanup_(idmap_done) Idmap m = {};

        *ret_reason = "must be lines of: uid|gid|both <host id or range> <guest id or range>";
        return raw_idmap_parse(value, &m) < 0 ? -EINVAL : 0;
}

static int check_raw_lxc(const char *value, const char **ret_reason) {
        return raw_lxc_check(value, ret_reason);
}

static int check_idmap_size(const char *value, const char **ret_reason) {
        uint32_t v;

        *ret_reason = "must be a number from 65536 to 4294967295";
        return parse_u32(value, &v) < 0 || v < 65536 ? -EINVAL : 0;
}

static int check_id(const char *value, const char **ret_reason) {
        uint32_t v;

        *ret_reason = "must be a number from 0 to 4294967295";
        return parse_u32(value, &v);
}

#define RLIMIT(name) { "limits.kernel." name, check_rlimit, NULL, 0 }
#define UNSUPPORTED(name) { name, NULL, NULL, KEY_UNSUPPORTED | CONFIG_MULTILINE }
#define VM(name) { name, NULL, NULL, KEY_VM | CONFIG_MULTILINE }
#define VOLATILE(name) { name, NULL, NULL, CONFIG_INTERNAL | CONFIG_LIVE }

const ConfigKey instance_config_keys[] = {
        { "boot.autostart", check_bool, NULL, CONFIG_LIVE },
        { "boot.autostart.delay", check_uint, "0", CONFIG_LIVE },
        { "boot.autostart.priority", check_int, "0", CONFIG_LIVE },
        { "boot.host_shutdown_timeout", check_uint, "30", CONFIG_LIVE },
        { "boot.stop.priority", check_int, "0", CONFIG_LIVE },
        { "cloud-init.network-config", NULL, NULL, CONFIG_MULTILINE },
        { "cloud-init.user-data", NULL, NULL, CONFIG_MULTILINE },
        { "cloud-init.vendor-data", NULL, NULL, CONFIG_MULTILINE },
        { "cluster.evacuate", check_evacuate, "auto", CONFIG_LIVE }, /* for the members of a cluster */
        { "environment.*", NULL, NULL, CONFIG_LIVE }, /* no line breaks: a value must not become a line of its own anywhere */
        { "image.*", NULL, NULL, CONFIG_LIVE | CONFIG_MULTILINE },
        { "limits.cpu", check_cpu, NULL, CONFIG_LIVE },
        { "limits.cpu.allowance", check_allowance, "100%", CONFIG_LIVE },
        { "limits.cpu.priority", check_priority, "10", CONFIG_LIVE },
        UNSUPPORTED("limits.disk.priority"),
        UNSUPPORTED("limits.hugepages.*"),
        RLIMIT("as"),
        RLIMIT("core"),
        RLIMIT("cpu"),
        RLIMIT("data"),
        RLIMIT("fsize"),
        RLIMIT("locks"),
        RLIMIT("memlock"),
        RLIMIT("msgqueue"),
        RLIMIT("nice"),
        RLIMIT("nofile"),
        RLIMIT("nproc"),
        RLIMIT("rss"),
        RLIMIT("rtprio"),
        RLIMIT("rttime"),
        RLIMIT("sigpending"),
        RLIMIT("stack"),
        { "limits.memory", check_memory, NULL, CONFIG_LIVE },
        { "limits.memory.enforce", check_enforce, "hard", CONFIG_LIVE },
        VM("limits.memory.hugepages"),
        { "limits.memory.swap", check_bool, "true", CONFIG_LIVE },
        { "limits.memory.swap.priority", check_priority, "10", CONFIG_LIVE },
        UNSUPPORTED("limits.network.priority"),
        { "limits.processes", check_uint, NULL, CONFIG_LIVE },
        { "linux.kernel_modules", check_modules, NULL, CONFIG_LIVE },
        { "linux.sysctl.*", NULL, NULL, 0 },
        /* How to move a running guest, which needs CRIU: nothing reads these without it, here as in LXD. */
        { "migration.incremental.memory", check_bool, "false", CONFIG_LIVE },
        { "migration.incremental.memory.goal", check_uint, "70", CONFIG_LIVE },
        { "migration.incremental.memory.iterations", check_uint, "10", CONFIG_LIVE },
        VM("migration.stateful"),
        UNSUPPORTED("nvidia.driver.capabilities"),
        UNSUPPORTED("nvidia.require.cuda"),
        UNSUPPORTED("nvidia.require.driver"),
        UNSUPPORTED("nvidia.runtime"),
        UNSUPPORTED("raw.apparmor"),
        { "raw.idmap", check_raw_idmap, NULL, CONFIG_MULTILINE },
        { "raw.lxc", check_raw_lxc, NULL, CONFIG_MULTILINE },
        VM("raw.qemu"),
        { "raw.seccomp", NULL, NULL, CONFIG_MULTILINE },
        VM("security.agent.metrics"),
        { "security.devlxd", check_bool, "true", 0 },
        { "security.devlxd.images", check_bool, "false", 0 },
        { "security.idmap.base", check_id, NULL, 0 },
        { "security.idmap.isolated", check_bool, "false", 0 },
        { "security.idmap.size", check_idmap_size, NULL, 0 },
        { "security.nesting", check_bool, "false", CONFIG_LIVE },
        { "security.privileged", check_bool, "false", 0 },
        { "security.protection.delete", check_bool, "false", CONFIG_LIVE },
        { "security.protection.shift", check_bool, "false", CONFIG_LIVE },
        VM("security.secureboot"),
        { "security.syscalls.allow", NULL, NULL, CONFIG_MULTILINE },
        { "security.syscalls.blacklist", NULL, NULL, CONFIG_MULTILINE | KEY_OLD_NAME },
        { "security.syscalls.blacklist_compat", check_bool, NULL, KEY_OLD_NAME },
        { "security.syscalls.blacklist_default", check_bool, NULL, KEY_OLD_NAME },
        { "security.syscalls.deny", NULL, NULL, CONFIG_MULTILINE },
        { "security.syscalls.deny_compat", check_bool, "false", 0 },
        { "security.syscalls.deny_default", check_bool, "true", 0 },
        UNSUPPORTED("security.syscalls.intercept.mknod"),
        UNSUPPORTED("security.syscalls.intercept.mount"),
        UNSUPPORTED("security.syscalls.intercept.mount.allowed"),
        UNSUPPORTED("security.syscalls.intercept.mount.fuse"),
        UNSUPPORTED("security.syscalls.intercept.mount.shift"),
        UNSUPPORTED("security.syscalls.intercept.setxattr"),
        { "security.syscalls.whitelist", NULL, NULL, CONFIG_MULTILINE | KEY_OLD_NAME },
        { "snapshots.expiry", check_expiry, NULL, CONFIG_LIVE },
        { "snapshots.pattern", check_pattern, "snap%d", CONFIG_LIVE },
        { "snapshots.schedule", check_schedule, NULL, CONFIG_LIVE },
        { "snapshots.schedule.stopped", check_bool, "false", CONFIG_LIVE },
        { "user.*", NULL, NULL, CONFIG_LIVE | CONFIG_MULTILINE },
        VOLATILE("volatile.apply_quota"),
        VOLATILE("volatile.apply_template"),
        VOLATILE("volatile.base_image"),
        VOLATILE("volatile.cloud-init.instance-id"),
        VOLATILE("volatile.idmap.base"),
        VOLATILE("volatile.idmap.current"),
        VOLATILE("volatile.idmap.next"),
        VOLATILE("volatile.last_state.idmap"),
        VOLATILE("volatile.last_state.power"),
        VOLATILE("volatile.uuid"),
        VOLATILE("volatile.vsock_id"),
        VOLATILE("volatile.*.apply_quota"),
        VOLATILE("volatile.*.ceph_rbd"),
        VOLATILE("volatile.*.host_name"),
        VOLATILE("volatile.*.hwaddr"),
        VOLATILE("volatile.*.name"),
        VOLATILE("volatile.*.last_state.created"),
        VOLATILE("volatile.*.last_state.hwaddr"),
        VOLATILE("volatile.*.last_state.mtu"),
        VOLATILE("volatile.*.last_state.vf.hwaddr"),
        VOLATILE("volatile.*.last_state.vf.id"),
        VOLATILE("volatile.*.last_state.vf.spoofcheck"),
        VOLATILE("volatile.*.last_state.vf.vlan"),
        {}
};

#define SYSCTL_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./"

/* environment.A=B would be written into the guest's environment as "A=B=...": the name must be one, as a sysctl must be one. */
static int check_name_in_key(const char *key, sd_bus_error *error) {
        const char *name = startswith(key, "environment."), *sysctl = startswith(key, "linux.sysctl.");

        if (sysctl && (strlen(sysctl) > 128 || sysctl[strspn(sysctl, SYSCTL_CHARACTERS)] != '\0'))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid sysctl \"%s\": only letters, digits and \"_-./\" are allowed in the name", key);

        if (name && strchr(name, '='))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid environment key \"%s\": \"=\" is not allowed in the name", key);
        return 0;
}

/* Pairs of keys that exclude each other, in LXD's words. */
static int check_combinations(const Config *c, sd_bus_error *error) {
        bool allow = config_get(c, "security.syscalls.allow") || config_get(c, "security.syscalls.whitelist");
        const char *raw = config_get(c, "raw.seccomp");

        if (raw && (allow || config_get(c, "security.syscalls.deny") || config_get(c, "security.syscalls.blacklist")))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "raw.seccomp is mutually exclusive with security.syscalls*");
        if (allow && (config_get(c, "security.syscalls.deny") || config_get(c, "security.syscalls.blacklist") ||
                      config_get(c, "security.syscalls.deny_compat") || config_get(c, "security.syscalls.deny_default")))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "security.syscalls.allow is mutually exclusive with security.syscalls.deny*");
        if (config_is_true(c, "security.privileged") && config_is_true(c, "nvidia.runtime"))
                return bus_error_set(error, LXD_ERROR_INVALID, "nvidia.runtime is incompatible with privileged containers");
        return 0;
}

int instance_config_check(const Config *c, bool profile, sd_bus_error *error) {
        int r;

        CONFIG_FOREACH(i, c) {
                const ConfigKey *k = config_schema_find(instance_config_keys, i->key);

                r = check_name_in_key(i->key, error);
                if (r < 0)
                        return r;
                if (!k)
                        continue; /* config_schema_check() has the text */
                if ((k->flags & KEY_VM) && !profile)
                        return bus_error_set(error, LXD_ERROR_INVALID, "Unknown configuration key: %s", i->key);
                if (profile && (k->flags & CONFIG_INTERNAL))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Volatile keys can only be set on instances");
                if (profile && startswith(i->key, "image."))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Image keys can only be set on instances");
                if ((k->flags & KEY_UNSUPPORTED) && !isempty(i->value))
                        return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                             "Configuration key \"%s\" is known but this server cannot honour it yet", i->key);
        }

        r = config_schema_check(instance_config_keys, c, error);
        if (r < 0)
                return r;

        return check_combinations(c, error);
}

bool instance_config_is_live(const char *key) {
        const ConfigKey *k = config_schema_find(instance_config_keys, key);

        return k && (k->flags & CONFIG_LIVE);
}
