/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration and devices of instances: what is accepted makes a configuration for liblxc in which each line is ours. */
#include <stdio.h>

#include "config-lines.h"
#include "device-config.h"
#include "instance-config.h"
#include "lxc-config.h"
#include "lxc-raw.h"
#include "snapshot-pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each value to each parser, whatever its key is; as /etc/subuid, too. */
static void try_value(const char *value) {
        _cleanup_(idmap_done) Idmap raw = {}, map = {}, json = {};
        _cleanup_free_ char *name = NULL, *escaped = NULL;
        struct tm noon = { .tm_hour = 12, .tm_mday = 1 };
        CpuAllowance allowance;
        const char *reason;
        CpuLimit cpu;
        uint64_t n;

        (void) raw_lxc_check(value, &reason);
        (void) idmap_from_json(value, &json);
        (void) idmap_host_range(value, value);
        if (raw_idmap_parse(value, &raw) >= 0)
                (void) idmap_build(1000000, 65536, &raw, &map);
        if (snapshot_pattern_check(value, &reason) >= 0 && snapshot_pattern_expand(value, 1700000000, NULL, &name) >= 0 && strlen(name) == 0)
                abort();
        if (snapshot_schedule_check(value, &reason) >= 0)
                (void) snapshot_schedule_matches(value, &noon);
        if (cpu_allowance_parse(value, &allowance) >= 0 && allowance.percent == 0 && allowance.period == 0)
                abort();
        if (cpu_limit_parse(value, &cpu) >= 0 && cpu.count == 0 && !cpu.set)
                abort();
        (void) memory_limit_parse(value, 1 << 30, &n);
        if (mount_escape(value, &escaped) < 0 || strpbrk(escaped, " \n\t"))
                abort();
}

/* The items that are fine by themselves: one that is not would hide all the others from what comes behind the checks. */
static void accepted_config(const Config *all, Config *ret) {
        CONFIG_FOREACH(i, all) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                _cleanup_(config_done) Config one = {};

                if (config_set(&one, i->key, i->value) < 0)
                        abort();
                if (instance_config_check(&one, false, &e) < 0 ? !e.message : config_set(ret, i->key, i->value) < 0)
                        abort();
        }
}

static void accepted_devices(const Devices *all, Devices *ret) {
        DEVICES_FOREACH(d, all) {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
                _cleanup_(devices_done) Devices one = {};

                if (devices_set(&one, d->name, &d->config) < 0)
                        abort();
                if (devices_check(&one, &e) < 0 ? !e.message : devices_set(ret, d->name, &d->config) < 0)
                        abort();
        }
}

/* Mounts, nodes and interfaces of devices as they come, into one configuration. */
static void build(const Config *config, const Devices *devices) {
        _cleanup_(lxc_config_done) LxcConfig made = {};
        _cleanup_(config_done) Config limits = {};
        _cleanup_free_ char *text = NULL, *seccomp = NULL;
        bool privileged = config_is_true(config, "security.privileged");
        CgroupLayout layout = {};
        _cleanup_(idmap_done) Idmap raw = {}, map = {};
        LxcMount mounts[8];
        LxcNic nics[8];
        LxcDevice nodes[8];
        LxcSpec s = { .hostname = "c1", .rootfs = "/r", .log_dir = "/l", .devlxd = "/d", .apparmor = "generated", .privileged = privileged,
                      .nesting = config_is_true(config, "security.nesting"), .device_cgroup = privileged, .config = config, .mounts = mounts,
                      .nics = nics, .devices = nodes, .limits = { &layout, 1 << 30, "0", NULL } };

        DEVICES_FOREACH(d, devices) {
                const char *source = config_get(&d->config, "source"), *path = config_get(&d->config, "path");

                if (s.n_mounts < 8 && device_kind(&d->config) == DEVICE_DISK && source && path && !device_is_root(&d->config))
                        mounts[s.n_mounts++] = (LxcMount) { .source = source, .target = path, .directory = true };
                if (s.n_nics < 8 && device_kind(&d->config) == DEVICE_NIC)
                        nics[s.n_nics++] = (LxcNic) { "veth0", config_get_or(&d->config, "name", "eth0") };
                if (s.n_devices < 8 && device_kind(&d->config) == DEVICE_UNIX_CHAR)
                        nodes[s.n_devices++] = (LxcDevice) { .node = "/n", .target = path ?: source, .major = 1, .minor = 3 };
        }
        for (int i = 0; privileged && i < _CGROUP_CONTROLLER_MAX; i++)
                layout.v1[i] = true;
        layout.swap_accounting = privileged;
        if (raw_idmap_parse(config_get_or(config, "raw.idmap", ""), &raw) < 0)
                abort();
        if (!privileged && idmap_build(1000000, 65536, &raw, &map) >= 0)
                s.idmap = &map;
        if (seccomp_build(config, &seccomp) < 0 || cgroup_limits_build(config, &s.limits, true, &limits) < 0)
                abort();
        if (lxc_config_build(&s, &made, NULL) < 0) /* nothing that was accepted fails only when the guest starts */
                abort();
        for (size_t i = 0; i < made.n; i++)
                if (strpbrk(made.pairs[i].key, "\n =") || strchr(made.pairs[i].value, '\n'))
                        abort();
        if (lxc_config_to_text(&made, &text) < 0)
                abort();
        config_lines_check_text(text, "lxc.");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        sd_bus_error e[4] = {};
        _cleanup_(config_done) Config config = {}, good = {};
        _cleanup_(devices_done) Devices devices = {}, fine = {};
        int r, q;

        config_lines_read(data, size, &config, &devices);
        CONFIG_FOREACH(i, &config)
                if (*i->value) /* the empty one means: none */
                        try_value(i->value);
        r = instance_config_check(&config, false, &e[0]);
        q = instance_config_check(&config, true, &e[1]);
        if ((r < 0 && !e[0].message) || (q < 0 && !e[1].message))
                abort();
        (void) devices_check(&devices, &e[2]);
        accepted_config(&config, &good);
        accepted_devices(&devices, &fine);
        if (devices_check_expanded(&fine, &e[3]) < 0 && !e[3].message)
                abort();
        build(&good, &fine);
        for (unsigned i = 0; i < 4; i++)
                sd_bus_error_free(&e[i]);
        return 0;
}
