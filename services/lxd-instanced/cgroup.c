/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups: which hierarchy has which controller, what a guest's files say. */
#include "cgroup.h"

#include "base/file.h"
#include "base/str.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

static const char *const names[_CGROUP_CONTROLLER_MAX] = {
        [CGROUP_CPU] = "cpu",
        [CGROUP_CPUACCT] = "cpuacct",
        [CGROUP_CPUSET] = "cpuset",
        [CGROUP_DEVICES] = "devices",
        [CGROUP_MEMORY] = "memory",
        [CGROUP_PIDS] = "pids",
        [CGROUP_FREEZER] = "freezer",
};

const char *cgroup_controller_name(CgroupController c) {
        return names[c];
}

/* Is there a line "N:<controllers>:<path>" with the controller? */
static bool find_line(const char *text, const char *controller) {
        for (const char *line = text; *line;) {
                const char *end = strchrnul(line, '\n'), *a = strchr(line, ':'), *b;
                size_t n = strlen(controller);

                if (a && a < end && (b = strchr(a + 1, ':')) && b < end) {
                        bool match = false;

                        for (const char *p = a + 1; !match && p < b;) {
                                const char *comma = memchr(p, ',', (size_t) (b - p)) ?: b;

                                match = (size_t) (comma - p) == n && memcmp(p, controller, n) == 0;
                                p = comma + 1;
                        }
                        if (match)
                                return true;
                }
                line = *end ? end + 1 : end;
        }
        return false;
}

void cgroup_layout_parse(const char *proc_cgroup, CgroupLayout *ret) {
        *ret = (CgroupLayout) {};
        for (int c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                ret->v1[c] = find_line(proc_cgroup, names[c]);
}

const CgroupLayout *cgroup_layout(void) {
        static CgroupLayout layout;
        static bool known;

        if (!known) {
                _cleanup_free_ char *text = NULL;

                if (file_read("/proc/self/cgroup", 65536, &text, NULL) >= 0)
                        cgroup_layout_parse(text, &layout);
                /* The root group has no memsw files in some kernels: any child has them. */
                layout.swap_accounting = layout.v1[CGROUP_MEMORY] &&
                                         (access(CGROUP_ROOT "/memory/memory.memsw.usage_in_bytes", F_OK) >= 0 ||
                                          access(CGROUP_ROOT "/memory/system.slice/memory.memsw.usage_in_bytes", F_OK) >= 0);
                known = true;
        }
        return &layout;
}

int64_t cgroup_parse_number(const char *text) {
        char *end;
        int64_t v;

        if (text[0] < '0' || text[0] > '9')
                return -1;
        errno = 0;
        v = strtoll(text, &end, 10);
        return errno != 0 || (*end != '\n' && *end != '\0') ? -1 : v;
}

int64_t cgroup_parse_stat(const char *text, const char *key) {
        size_t n = strlen(key);

        for (const char *line = text; line && *line;) {
                const char *end = strchr(line, '\n');

                if (strncmp(line, key, n) == 0 && line[n] == ' ')
                        return cgroup_parse_number(line + n + 1);
                line = end ? end + 1 : NULL;
        }
        return -1;
}

typedef int (*get_file_t)(const char *file, char **ret, void *userdata);

static int64_t read_value(get_file_t get, void *userdata, const char *file, const char *stat_key) {
        _cleanup_free_ char *text = NULL;

        if (get(file, &text, userdata) < 0)
                return -1;
        return stat_key ? cgroup_parse_stat(text, stat_key) : cgroup_parse_number(text);
}

static int64_t known_or_zero(int64_t v) {
        return v < 0 ? 0 : v;
}

static void read_memory_v1(get_file_t get, void *userdata, CgroupUsage *u) {
        int64_t total;

        u->memory = known_or_zero(read_value(get, userdata, "memory.usage_in_bytes", NULL));
        u->memory_peak = known_or_zero(read_value(get, userdata, "memory.max_usage_in_bytes", NULL));
        total = read_value(get, userdata, "memory.memsw.usage_in_bytes", NULL);
        u->swap = total > u->memory ? total - u->memory : 0;
        total = read_value(get, userdata, "memory.memsw.max_usage_in_bytes", NULL);
        u->swap_peak = total > u->memory_peak ? total - u->memory_peak : 0;
}

void cgroup_usage_read(const CgroupLayout *l, get_file_t get, void *userdata, CgroupUsage *ret) {
        int64_t usec;

        *ret = (CgroupUsage) { .cpu = -1, .processes = read_value(get, userdata, "pids.current", NULL) };

        if (l->v1[CGROUP_MEMORY])
                read_memory_v1(get, userdata, ret);
        else {
                ret->memory = known_or_zero(read_value(get, userdata, "memory.current", NULL));
                ret->memory_peak = known_or_zero(read_value(get, userdata, "memory.peak", NULL));
                ret->swap = known_or_zero(read_value(get, userdata, "memory.swap.current", NULL));
        }

        if (l->v1[CGROUP_CPUACCT])
                ret->cpu = read_value(get, userdata, "cpuacct.usage", NULL);
        else if ((usec = read_value(get, userdata, "cpu.stat", "usage_usec")) >= 0)
                ret->cpu = usec * 1000;
}
