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

/* Each value to each parser, whatever its key is. */
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

/* Mounts, nodes and interfaces of devices as they come, into one configuration. */
static void build(const Config *config, const Devices *devices) {
        _cleanup_(lxc_config_done) LxcConfig made = {};
        _cleanup_(config_done) Config limits = {};
        _cleanup_free_ char *text = NULL, *seccomp = NULL;
        CgroupLayout layout = {};
        LxcMount mounts[8];
        LxcNic nics[8];
        LxcSpec s = { .hostname = "c1", .rootfs = "/r", .log_dir = "/l", .devlxd = "/d", .config = config, .mounts = mounts, .nics = nics,
                      .limits = { &layout, 1 << 30, "0", NULL } };

        DEVICES_FOREACH(d, devices) {
                const char *source = config_get(&d->config, "source"), *path = config_get(&d->config, "path");

                if (s.n_mounts < 8 && device_kind(&d->config) == DEVICE_DISK && source && path && !device_is_root(&d->config))
                        mounts[s.n_mounts++] = (LxcMount) { .source = source, .target = path, .directory = true };
                if (s.n_nics < 8 && device_kind(&d->config) == DEVICE_NIC)
                        nics[s.n_nics++] = (LxcNic) { "veth0", config_get_or(&d->config, "name", "eth0") };
        }
        (void) seccomp_build(config, &seccomp);
        (void) cgroup_limits_build(config, &s.limits, true, &limits);
        if (lxc_config_build(&s, &made, NULL) < 0)
                return;
        for (size_t i = 0; i < made.n; i++)
                if (strpbrk(made.pairs[i].key, "\n =") || strchr(made.pairs[i].value, '\n'))
                        abort();
        if (lxc_config_to_text(&made, &text) < 0)
                abort();
        config_lines_check_text(text, "lxc.");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        sd_bus_error e[4] = {};
        _cleanup_(config_done) Config config = {};
        _cleanup_(devices_done) Devices devices = {};
        int r, q;

        config_lines_read(data, size, &config, &devices);
        CONFIG_FOREACH(i, &config)
                if (*i->value) /* the empty one means: none */
                        try_value(i->value);
        r = instance_config_check(&config, false, &e[0]);
        q = instance_config_check(&config, true, &e[1]);
        if ((r < 0 && !e[0].message) || (q < 0 && !e[1].message))
                abort();
        if (devices_check(&devices, &e[2]) >= 0 && r >= 0) {
                (void) devices_check_expanded(&devices, &e[3]);
                build(&config, &devices);
        }
        for (unsigned i = 0; i < 4; i++)
                sd_bus_error_free(&e[i]);
        return 0;
}
