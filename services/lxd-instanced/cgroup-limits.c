/* SPDX-License-Identifier: Apache-2.0 */
/* limits.* of an expanded configuration as values of cgroup files, for both versions. Pure. */
#include "cgroup-limits.h"

#include "base/str.h"
#include "instance-config.h"

bool cgroup_limits_has_key(const char *key) {
        return startswith(key, "limits.cpu") || startswith(key, "limits.memory") || streq(key, "limits.processes");
}

static int parse_priority(const Config *c, const char *key, uint64_t fallback, uint64_t *ret) {
        const char *v = config_get(c, key);

        *ret = fallback;
        return isempty(v) ? 0 : parse_u64(v, ret);
}

static int cpu_limits(const Config *c, const LimitsHost *h, bool defaults, Config *ret) {
        const char *allowance = config_get(c, "limits.cpu.allowance");
        bool v1 = h->layout->v1[CGROUP_CPU];
        CpuAllowance a = { .percent = 100 };
        uint64_t priority, share;
        int r;

        r = parse_priority(c, "limits.cpu.priority", 10, &priority);
        if (r >= 0 && !isempty(allowance))
                r = cpu_allowance_parse(allowance, &a);
        if (r < 0)
                return r;

        /* A weight: 1024 (v1) or 100 (v2) is a whole share; the priority only orders guests of equal share. */
        share = a.quota > 0 ? 100 : a.percent;
        share = v1 ? share * 1024 / 100 : share;
        share = share > 10 - priority ? share - (10 - priority) : 1;
        if (!v1)
                share = MIN(MAX(share, (uint64_t) 1), (uint64_t) 10000);
        else
                share = MAX(share, (uint64_t) 2);
        if (defaults || !isempty(allowance) || config_get(c, "limits.cpu.priority")) {
                r = config_setf(ret, v1 ? "cpu.shares" : "cpu.weight", "%" PRIu64, share);
                if (r < 0)
                        return r;
        }

        if (a.quota == 0 && !defaults)
                return 0;
        if (!v1)
                return a.quota == 0 ? config_set(ret, "cpu.max", "max 100000")
                                    : config_setf(ret, "cpu.max", "%" PRIu64 " %" PRIu64, a.quota, a.period);
        r = config_setf(ret, "cpu.cfs_period_us", "%" PRIu64, a.quota == 0 ? (uint64_t) 100000 : a.period);
        if (r < 0)
                return r;
        return a.quota == 0 ? config_set(ret, "cpu.cfs_quota_us", "-1") : config_setf(ret, "cpu.cfs_quota_us", "%" PRIu64, a.quota);
}

static int memory_limits_v1(const LimitsHost *h, bool hard, bool swap, uint64_t limit, Config *ret) {
        int r;

        r = config_setf(ret, "memory.soft_limit_in_bytes", "%" PRIu64, hard ? limit / 10 * 9 : limit);
        if (r >= 0 && hard)
                r = config_setf(ret, "memory.limit_in_bytes", "%" PRIu64, limit);
        /* Memory and swap together get the limit: swap is no way around it. */
        if (r >= 0 && hard && swap && h->layout->swap_accounting)
                r = config_setf(ret, "memory.memsw.limit_in_bytes", "%" PRIu64, limit);
        return r;
}

static int memory_limits(const Config *c, const LimitsHost *h, bool defaults, Config *ret) {
        const char *limit_text = config_get(c, "limits.memory"), *swap_text = config_get(c, "limits.memory.swap");
        bool hard = streq(config_get_or(c, "limits.memory.enforce", "hard"), "hard"), swap = isempty(swap_text) || str_is_true(swap_text);
        bool v1 = h->layout->v1[CGROUP_MEMORY];
        uint64_t limit = 0, priority;
        int r;

        r = parse_priority(c, "limits.memory.swap.priority", 10, &priority);
        if (r >= 0 && !isempty(limit_text))
                r = memory_limit_parse(limit_text, h->memory, &limit);
        if (r < 0)
                return r;

        if (defaults) {
                r = config_set(ret, v1 ? "memory.limit_in_bytes" : "memory.max", v1 ? "-1" : "max");
                if (r >= 0)
                        r = config_set(ret, v1 ? "memory.soft_limit_in_bytes" : "memory.high", v1 ? "-1" : "max");
                if (r >= 0 && (!v1 || h->layout->swap_accounting))
                        r = config_set(ret, v1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max", v1 ? "-1" : "max");
                if (r >= 0 && v1)
                        r = config_set(ret, "memory.swappiness", "60");
        }
        if (r >= 0 && limit > 0)
                r = v1 ? memory_limits_v1(h, hard, swap, limit, ret)
                       : config_setf(ret, hard ? "memory.max" : "memory.high", "%" PRIu64, limit);
        if (r < 0)
                return r;

        if (!v1)
                return swap ? 0 : config_set(ret, "memory.swap.max", "0");
        if (!swap)
                return config_set(ret, "memory.swappiness", "0");
        if (config_get(c, "limits.memory.swap.priority"))
                return config_setf(ret, "memory.swappiness", "%" PRIu64, 60 - 10 + priority);
        return 0;
}

int cgroup_limits_build(const Config *config, const LimitsHost *host, bool with_defaults, Config *ret) {
        _cleanup_(config_done) Config result = {};
        const char *processes = config_get(config, "limits.processes");
        int r;

        r = cpu_limits(config, host, with_defaults, &result);
        if (r >= 0)
                r = memory_limits(config, host, with_defaults, &result);
        if (r >= 0 && (!isempty(processes) || with_defaults))
                r = config_set(&result, "pids.max", isempty(processes) ? "max" : processes);
        if (r >= 0 && (host->cpuset || (with_defaults && host->all_cpus)))
                r = config_set(&result, "cpuset.cpus", host->cpuset ?: host->all_cpus);
        if (r < 0)
                return r;

        *ret = result;
        result = (Config) {};
        return 0;
}
