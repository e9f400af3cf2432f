/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration keys of instances and profiles, their values, and how the values are read. */
#pragma once

#include "config-schema.h"

/* Flags of our tables, beside those of config-schema.h. */
enum {
        KEY_UNSUPPORTED = 1 << 8, /* LXD has it, this build does not: refused by name instead of ignored */
        KEY_VM = 1 << 9,          /* of virtual machines only: fine in a profile, unknown to a container */
        KEY_OLD_NAME = 1 << 10,   /* deprecated spelling that still works */
};

extern const ConfigKey instance_config_keys[];

/* Checks a whole configuration. profile: VM keys are allowed. InvalidArgument with LXD's text ("Unknown configuration key: x"),
 * NotSupported for keys that cannot be honoured. 0, negative errno with error set. */
int instance_config_check(const Config *c, bool profile, sd_bus_error *error);
/* May the key change while the guest runs and take effect at once? */
bool instance_config_is_live(const char *key);

typedef struct CpuLimit {
        unsigned count; /* > 0: that many CPUs of our choice */
        char *set;      /* else a cpuset list, borrowed from the value */
} CpuLimit;

/* "4", or "0-3,5" (a single CPU is written "3-3" or "3,"). 0, -EINVAL. */
int cpu_limit_parse(const char *value, CpuLimit *ret);

typedef struct CpuAllowance {
        unsigned percent;              /* soft share, 0 when quota is given */
        uint64_t quota, period;        /* µs */
} CpuAllowance;

/* "20%" or "25ms/100ms". 0, -EINVAL, -ERANGE. */
int cpu_allowance_parse(const char *value, CpuAllowance *ret);
/* "512MiB", "1GB", "20%" (of the host's memory). 0, -EINVAL, -ERANGE. */
int memory_limit_parse(const char *value, uint64_t host_memory, uint64_t *ret);
