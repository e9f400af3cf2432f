/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups: which hierarchy has which controller, what a guest's files say. */
#pragma once

#include <sys/types.h>

#include "base/cleanup.h"

typedef enum CgroupController {
        CGROUP_CPU,
        CGROUP_CPUACCT,
        CGROUP_CPUSET,
        CGROUP_DEVICES,
        CGROUP_MEMORY,
        CGROUP_PIDS,
        CGROUP_FREEZER,
        _CGROUP_CONTROLLER_MAX,
} CgroupController;

/* How this machine has them: v1 hierarchies (hybrid) or the unified one. Plain data, so that builders stay pure. */
typedef struct CgroupLayout {
        bool v1[_CGROUP_CONTROLLER_MAX];
        bool swap_accounting; /* v1: memory.memsw.* exists */
} CgroupLayout;

const char *cgroup_controller_name(CgroupController c);
/* From the text of /proc/self/cgroup: a controller that is named there is in v1. */
void cgroup_layout_parse(const char *proc_cgroup, CgroupLayout *ret);
/* Of this machine, read once. */
const CgroupLayout *cgroup_layout(void);

typedef struct CgroupUsage {
        int64_t memory, memory_peak, swap, swap_peak; /* bytes, 0 = not known */
        int64_t cpu;                                  /* ns, -1 = not known */
        int64_t processes;                            /* -1 = not known */
} CgroupUsage;

/* Pure parsers of single files. -1 when the text is not what it should be. */
int64_t cgroup_parse_number(const char *text);                 /* "max" gives -1 */
int64_t cgroup_parse_stat(const char *text, const char *key);  /* a line "key value" */

/* Reads the few files by get() (0 and fresh text without newline, or negative errno); unknown ones keep their "not known" value. */
void cgroup_usage_read(const CgroupLayout *l, int (*get)(const char *file, char **ret, void *userdata), void *userdata, CgroupUsage *ret);
