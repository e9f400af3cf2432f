/* SPDX-License-Identifier: Apache-2.0 */
/* limits.* of an expanded configuration as values of cgroup files, for both versions. Pure. */
#pragma once

#include "cgroup.h"
#include "keyvalue.h"

typedef struct LimitsHost {
        const CgroupLayout *layout;
        uint64_t memory;    /* bytes of the host */
        const char *cpuset; /* the CPUs for this guest ("0-1"), already chosen when limits.cpu is a number; NULL = all */
        const char *all_cpus; /* the host's set, to take a limit away; may be NULL */
} LimitsHost;

/* Fills *ret (empty before) with file name to value. with_defaults: files without a limit are there too, with the value that means
 * "none" (to take a limit away from a running guest). 0, -EINVAL, -ENOMEM. */
int cgroup_limits_build(const Config *config, const LimitsHost *host, bool with_defaults, Config *ret);
/* Does this key change what cgroup_limits_build() gives? */
bool cgroup_limits_has_key(const char *key);
