/* SPDX-License-Identifier: Apache-2.0 */
/* Pure code of lxd-instanced: id maps, snapshot names, cgroup texts and limits, expansion, the configuration for liblxc. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "autostart.h"
#include "base/file.h"
#include "cgroup-limits.h"
#include "device-config.h"
#include "guest-place.h"
#include "idmap.h"
#include "instance-config.h"
#include "json-split.h"
#include "logs.h"
#include "lxc-config.h"
#include "lxc-raw.h"
#include "profile.h"
#include "settings.h"
#include "snapshot-pattern.h"

static void host_range(void **state) {
        IdRange r = idmap_host_range("root:100000:65536\nlxd:200000:1000000\n", "lxd:200000:500000\n");

        assert_int_equal(r.base, 200000);
        assert_int_equal(r.size, 500000);
        r = idmap_host_range("root:100000:65536\nroot:1000000:1000000000\n", "root:1000000:1000000000\n");
        assert_int_equal(r.base, 1000000);
        r = idmap_host_range("root:5:10\n", "root:5:10\n"); /* too small for anything */
        assert_int_equal(r.size, 1000000000);
        r = idmap_host_range(NULL, NULL);
        assert_int_equal(r.base, 1000000);
        r = idmap_host_range("root:x:1\nroot:1\n:::\nroot:4294967295:65536\n", "root:1:1");
        assert_int_equal(r.base, 1000000);
}

static void allocation(void **state) {
        const IdRange host = { 1000000, 300000 };
        IdRange used[3] = { { 1131072, 65536 }, { 1065536, 65536 } };
        uint32_t base;

        assert_int_equal(idmap_allocate(host, NULL, 0, 65536, &base), 0);
        assert_int_equal(base, 1065536);
        assert_int_equal(idmap_allocate(host, used, 2, 65536, &base), 0);
        assert_int_equal(base, 1196608);
        used[0].base = 1200000; /* a gap of one block between them */
        assert_int_equal(idmap_allocate(host, used, 2, 65536, &base), 0);
        assert_int_equal(base, 1131072);
        assert_int_equal(idmap_allocate(host, used, 2, 100000, &base), -ENOSPC);
        assert_int_equal(idmap_allocate(host, used, 2, UINT32_MAX, &base), -ENOSPC);
}

static void raw_map(void **state) {
        _cleanup_(idmap_done) Idmap raw = {}, map = {}, back = {};
        _cleanup_free_ char *json = NULL, *again = NULL;
        uint32_t id;

        assert_int_equal(raw_idmap_parse("both 1000 1000\nuid 50-59 500-509\n\n", &raw), 0);
        assert_int_equal(idmap_build(1000000, 65536, &raw, &map), 0);
        assert_true(idmap_to_host(&map, false, 1000, &id));
        assert_int_equal(id, 1000);
        assert_true(idmap_to_host(&map, false, 505, &id));
        assert_int_equal(id, 55);
        assert_true(idmap_to_host(&map, true, 505, &id));
        assert_int_equal(id, 1000505);
        assert_true(idmap_to_host(&map, false, 65535, &id));
        assert_int_equal(id, 1065535);
        assert_false(idmap_to_host(&map, false, 65536, &id));
        assert_int_equal(idmap_to_json(&map, &json), 0);
        assert_int_equal(idmap_from_json(json, &back), 0);
        assert_int_equal(idmap_to_json(&back, &again), 0);
        assert_string_equal(json, again);
        assert_non_null(strstr(json, "{\"Isuid\":true,\"Isgid\":false,\"Hostid\":1000000,\"Nsid\":0,\"Maprange\":500}"));
        assert_int_equal(idmap_from_json("{}", &back), -EBADMSG);
        assert_int_equal(idmap_from_json("[{\"Hostid\":-1}]", &back), -EBADMSG);
}

static void bad_raw_maps(void **state) {
        static const char *const bad[] = { "both 1", "all 1 1", "uid 1-2 1", "uid 2-1 2-1", "uid x 1", "uid 1 4294967296", "uid 4294967295 1" };

        for (size_t k = 0; k < ELEMENTSOF(bad); k++) {
                Idmap m = {};

                assert_int_equal(raw_idmap_parse(bad[k], &m), -EINVAL);
                assert_null(m.entries);
        }
        Idmap raw = {}, map = {};
        assert_int_equal(raw_idmap_parse("uid 1000000 5000000", &raw), 0); /* that host id is in the block already */
        assert_int_equal(idmap_build(1000000, 65536, &raw, &map), -EINVAL);
        idmap_done(&raw);
}

static void expect_pattern(const char *pattern, char *const *existing, const char *expected) {
        _cleanup_free_ char *name = NULL;

        assert_int_equal(snapshot_pattern_expand(pattern, 1577934245 * USEC_PER_SEC, existing, &name), 0);
        assert_string_equal(name, expected);
}

static void patterns(void **state) {
        static char *const existing[] = { (char *) "snap0", (char *) "snap7", (char *) "snapx", (char *) "fix", (char *) "a3b", NULL };
        const char *reason;

        expect_pattern("snap%d", NULL, "snap0");
        expect_pattern("snap%d", existing, "snap8");
        expect_pattern("a%db", existing, "a4b");
        expect_pattern("fix", existing, "fix-0");
        expect_pattern("new", existing, "new");
        expect_pattern("{{ creation_date|date:'2006-01-02_15-04-05' }}", NULL, "2020-01-02_03-04-05");
        expect_pattern("d{{creation_date|date:\"Jan06\"}}-%d", NULL, "dJan20-0");
        assert_int_equal(snapshot_pattern_check("snap%d", &reason), 0);
        /* no functions, no files, nothing but the date */
        assert_int_equal(snapshot_pattern_check("{% include \"/etc/shadow\" %}", &reason), -EINVAL);
        assert_int_equal(snapshot_pattern_check("{{ instance.name }}", &reason), -EINVAL);
        assert_int_equal(snapshot_pattern_check("{{ creation_date|safe }}", &reason), -EINVAL);
        assert_int_equal(snapshot_pattern_check("{{ creation_date", &reason), -EINVAL);
        assert_int_equal(snapshot_pattern_check("{{ creation_date|date:\"a\"|x:\"b\" }}", &reason), -EINVAL);
        assert_int_equal(snapshot_pattern_check("%d%d", &reason), -EINVAL);
}

static void schedules(void **state) {
        static const char *const good[] = { "@daily", "@hourly, @startup", "0 6 * * *", "*/5 0-6 1,15 * 1-5",
                                             "0 6 * * *, 1,2 7 * * 5", "@daily, 0 6 * * *", "@daily,@never" };
        static const char *const bad[] = { "", "@sometimes", "0 6 * *", "60 * * * *", "a * * * *", "5-1 * * * *", "*/0 * * * *", "1, * * * *",
                                            "0 6 * * *, ", "0 6 * * *,1 2 3 4 5", "@daily, 0 6 * *", "@daily,", ", @daily" };
        const char *reason;

        for (size_t k = 0; k < ELEMENTSOF(good); k++)
                assert_int_equal(snapshot_schedule_check(good[k], &reason), 0);
        for (size_t k = 0; k < ELEMENTSOF(bad); k++)
                assert_int_equal(snapshot_schedule_check(bad[k], &reason), -EINVAL);
}

static void matching(void **state) {
        const struct tm midnight = { .tm_mon = 0, .tm_mday = 1, .tm_wday = 3 }, noon = { .tm_hour = 12, .tm_min = 10, .tm_mon = 5, .tm_mday = 7, .tm_wday = 0 };

        assert_true(snapshot_schedule_matches("@daily", &midnight) && snapshot_schedule_matches("@yearly, @never", &midnight));
        assert_false(snapshot_schedule_matches("@daily", &noon) || snapshot_schedule_matches("@startup", &noon) ||
                     snapshot_schedule_matches("@weekly", &midnight));
        assert_true(snapshot_schedule_matches("*/5 10-14 * * *", &noon) && snapshot_schedule_matches("10 12 * 6 7", &noon));
        assert_true(snapshot_schedule_matches("10 12 31 * 0", &noon)); /* the day of the week is enough */
        assert_false(snapshot_schedule_matches("10 12 31 * *", &noon) || snapshot_schedule_matches("*/4 * * * *", &noon));
        assert_true(snapshot_schedule_matches("5/5 * * * *", &noon));
        assert_true(snapshot_schedule_matches("@daily, 10 12 * * *", &noon) && snapshot_schedule_matches("0 0 1 1 *, 10,11 12 * * *", &noon));
        assert_false(snapshot_schedule_matches("@daily, 11 12 * * *", &noon));
        assert_false(snapshot_schedule_matches("15/5 * * * *", &noon));
}

static void cgroup_files(void **state) {
        CgroupLayout l;

        cgroup_layout_parse("12:memory:/a\n5:cpu,cpuacct:/b\n1:name=systemd:/\n0::/c\n", &l);
        assert_true(l.v1[CGROUP_MEMORY] && l.v1[CGROUP_CPU] && l.v1[CGROUP_CPUACCT] && !l.v1[CGROUP_PIDS]);
        cgroup_layout_parse("0::/c", &l);
        assert_false(l.v1[CGROUP_MEMORY]);
        cgroup_layout_parse("garbage\n:::\n5:memory\n", &l);
        assert_false(l.v1[CGROUP_MEMORY]);
        assert_int_equal(cgroup_parse_number("4096\n"), 4096);
        assert_int_equal(cgroup_parse_number("max\n"), -1);
        assert_int_equal(cgroup_parse_number("99999999999999999999"), -1);
        assert_int_equal(cgroup_parse_stat("user_usec 5\nusage_usec 12\n", "usage_usec"), 12);
        assert_int_equal(cgroup_parse_stat("usage_usec_x 5\n", "usage_usec"), -1);
}

static int get_v1(const char *file, char **ret, void *userdata) {
        static const char *const files[][2] = { { "memory.usage_in_bytes", "100" }, { "memory.memsw.usage_in_bytes", "150" }, { "pids.current", "7" },
                                                { "cpuacct.usage", "12345" } };

        for (size_t k = 0; k < ELEMENTSOF(files); k++)
                if (streq(files[k][0], file))
                        return str_replace(ret, files[k][1]);
        return -ENOENT;
}

static int get_v2(const char *file, char **ret, void *userdata) {
        if (streq(file, "cpu.stat"))
                return str_replace(ret, "usage_usec 3\nuser_usec 1");
        return streq(file, "memory.current") ? str_replace(ret, "77") : -ENOENT;
}

static void usage(void **state) {
        CgroupLayout v1 = {}, v2 = {};
        CgroupUsage u;

        v1.v1[CGROUP_MEMORY] = v1.v1[CGROUP_CPUACCT] = true;
        cgroup_usage_read(&v1, get_v1, NULL, &u);
        assert_int_equal(u.memory, 100);
        assert_int_equal(u.swap, 50);
        assert_int_equal(u.processes, 7);
        assert_int_equal(u.cpu, 12345);
        cgroup_usage_read(&v2, get_v2, NULL, &u);
        assert_int_equal(u.memory, 77);
        assert_int_equal(u.cpu, 3000);
        assert_int_equal(u.processes, -1);
}

static void expect_limit(const char *key, const char *value, bool v1, const char *file, const char *expected) {
        _cleanup_(config_done) Config config = {}, limits = {};
        CgroupLayout l = { .swap_accounting = v1 };

        for (int c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                l.v1[c] = v1;
        assert_int_equal(config_set(&config, key, value), 0);
        assert_int_equal(cgroup_limits_build(&config, &(const LimitsHost) { &l, 1000000000, NULL, NULL }, false, &limits), 0);
        if (!expected)
                assert_null(config_get(&limits, file));
        else {
                assert_non_null(config_get(&limits, file));
                assert_string_equal(config_get(&limits, file), expected);
        }
}

static void limits(void **state) {
        expect_limit("limits.memory", "100MB", true, "memory.limit_in_bytes", "100000000");
        expect_limit("limits.memory", "100MB", true, "memory.memsw.limit_in_bytes", "100000000");
        expect_limit("limits.memory", "10%", false, "memory.max", "100000000");
        expect_limit("limits.cpu.allowance", "20%", true, "cpu.shares", "204");
        expect_limit("limits.cpu.allowance", "25ms/100ms", true, "cpu.cfs_quota_us", "25000");
        expect_limit("limits.cpu.allowance", "25ms/100ms", false, "cpu.max", "25000 100000");
        expect_limit("limits.cpu.priority", "0", true, "cpu.shares", "1014");
        expect_limit("limits.processes", "50", false, "pids.max", "50");
        expect_limit("limits.memory.swap", "false", false, "memory.swap.max", "0");
        expect_limit("user.x", "y", true, "cpu.shares", NULL);
}

static void parsers(void **state) {
        static const char *const bad[] = { "", "0", "-1", "1-", "a", "1,,-", "1--2", "," };
        CpuAllowance a;
        CpuLimit l;

        assert_int_equal(cpu_limit_parse("4", &l), 0);
        assert_int_equal(l.count, 4);
        assert_int_equal(cpu_limit_parse("0-3,5", &l), 0);
        assert_non_null(l.set);
        for (size_t k = 0; k < ELEMENTSOF(bad); k++)
                assert_true(cpu_limit_parse(bad[k], &l) < 0);
        assert_true(cpu_allowance_parse("50", &a) < 0);
        assert_true(cpu_allowance_parse("0%", &a) < 0);
        assert_true(cpu_allowance_parse("25ms/0ms", &a) < 0);
        assert_true(cpu_allowance_parse("25/100", &a) < 0);
}

static void expansion(void **state) {
        Profile a = { .name = (char *) "a" }, b = { .name = (char *) "b" }, *profiles[] = { &a, &b };
        _cleanup_(settings_done) Settings s = {};
        _cleanup_config_view_ Config config = {};
        _cleanup_devices_view_ Devices devices = {};
        _cleanup_(config_done) Config disk = {};

        assert_int_equal(config_set(&disk, "type", "disk") + config_set(&disk, "path", "/") + config_set(&disk, "pool", "p"), 0);
        assert_int_equal(config_set(&a.config, "k1", "a") + config_set(&a.config, "k2", "a") + config_set(&a.config, "k3", "a"), 0);
        assert_int_equal(config_set(&b.config, "k2", "b") + config_set(&b.config, "k0", "b"), 0);
        assert_int_equal(config_set(&s.config, "k3", "s") + config_set(&s.config, "k9", "s"), 0);
        assert_int_equal(devices_set(&a.devices, "root", &disk), 0);
        assert_int_equal(settings_expand_config(&s, profiles, 2, &config), 0);
        assert_int_equal(config.n, 5);
        assert_string_equal(config_get(&config, "k1"), "a");
        assert_string_equal(config_get(&config, "k2"), "b"); /* the later profile wins */
        assert_string_equal(config_get(&config, "k3"), "s"); /* and the instance over all */
        assert_string_equal(settings_get(&s, profiles, 2, "k2"), "b");
        assert_null(settings_get(&s, profiles, 2, "k5"));
        assert_int_equal(settings_expand_devices(&s, profiles, 2, &devices), 0);
        assert_non_null(devices_find_root(&devices));
        config_done(&a.config);
        config_done(&b.config);
        devices_done(&a.devices);
}

static void raw_lxc(void **state) {
        static const char *const bad[] = { "foo", "user = x", "lxc.rootfs.path = /", "lxc.log.file=/x", "lxc.net.0.link = br0", "lxc.include = /x",
                                           "lxc.net = x", "lxc.notaconfigkey = x", "lxc.cgroup.", "lxc.hook.versions", "lxc.arc" };
        const char *reason;

        assert_int_equal(raw_lxc_check("# note\n\nlxc.apparmor.profile = x\nlxc.cgroup2.memory.max = 1G\nlxc.hook.start=/x\n lxc.net.0.ipv4.address=1.2.3.4/8 \r\n", &reason), 0);
        for (size_t k = 0; k < ELEMENTSOF(bad); k++)
                assert_int_equal(raw_lxc_check(bad[k], &reason), -EINVAL);
}

static void splitting(void **state) {
        static const char *const bad[] = { "", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":\"x}", "{\"a\":[1}", "{\"a\":1,,}" };
        _cleanup_free_ JsonMember *m = NULL;
        size_t n;

        assert_int_equal(json_split_object(" {\"1\": {\"x\":\"}\\\"\"} , \"2\":[1,{}],\"3\":4 } ", &m, &n), 0);
        assert_int_equal(n, 3);
        assert_memory_equal(m[0].value, "{\"x\":\"}\\\"\"}", m[0].value_length);
        assert_int_equal(m[1].value_length, 6);
        assert_int_equal(m[2].value_length, 1);
        for (size_t k = 0; k < ELEMENTSOF(bad); k++) {
                JsonMember *none = NULL;

                assert_int_equal(json_split_object(bad[k], &none, &n), -EBADMSG);
        }
}

static void small_things(void **state) {
        _cleanup_free_ char *escaped = NULL;

        assert_true(autostart_wants("true", NULL));
        assert_false(autostart_wants("false", "RUNNING"));
        assert_true(autostart_wants(NULL, "RUNNING"));
        assert_false(autostart_wants("", "STOPPED"));
        assert_true(log_name_is_valid("lxc.log"));
        assert_false(log_name_is_valid("../x") || log_name_is_valid(".x") || log_name_is_valid("a/b") || log_name_is_valid(""));
        assert_int_equal(mount_escape("/a b\\c\nd", &escaped), 0);
        assert_string_equal(escaped, "/a\\040b\\134c\\012d");
        assert_string_equal(architecture_intern("amd64"), "x86_64");
        assert_null(architecture_intern("md64"));
}

/* ---- golden ---- */

static void assert_golden(const char *name, const LxcSpec *spec) {
        _cleanup_free_ char *text = NULL, *path = NULL, *expected = NULL;
        LxcConfig c = {};

        assert_int_equal(lxc_config_build(spec, &c, NULL), 0);
        assert_int_equal(lxc_config_to_text(&c, &text), 0);
        lxc_config_done(&c);
        assert_int_equal(str_format(&path, "%s/%s", GOLDEN_DIR, name), 0);
        if (getenv("LXD_TEST_REGENERATE"))
                assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
        assert_int_equal(file_read(path, 1 << 20, &expected, NULL), 0);
        assert_string_equal(text, expected);
}

static void golden(void **state) {
        _cleanup_(idmap_done) Idmap map = {};
        _cleanup_(config_done) Config config = {};
        CgroupLayout v1 = { .swap_accounting = true }, v2 = {};
        LxcNic nic = { "veth1234", "eth0" };
        LxcMount mounts[] = {
                { .source = "/srv/my data", .target = "/mnt", .directory = true, .readonly = true, .shift = true },
                { .source = "/etc/hosts", .target = "etc/hosts", .optional = true, .propagation = "rslave", .recursive = true },
        };
        LxcDevice device = { "/var/lib/lxd/devices/7/kvm", "/dev/kvm", 10, 232, false };
        LxcSpec s = {
                .hostname = "c1", .rootfs = "/p/containers/c1/rootfs", .log_dir = "/var/log/lxd/c1", .seccomp = "/run/lxd/seccomp/7",
                .devlxd = "/var/lib/lxd/devlxd", .idmapped = true, .device_cgroup = true, .cgroup_namespace = true, .idmap = &map,
                .config = &config, .limits = { &v1, 1000000000, "0,1", NULL }, .nics = &nic, .n_nics = 1, .mounts = mounts, .n_mounts = 2,
                .devices = &device, .n_devices = 1,
        };

        for (int c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                v1.v1[c] = true;
        assert_int_equal(idmap_build(1000000, 65536, NULL, &map), 0);
        assert_int_equal(config_set(&config, "environment.A", "b c") + config_set(&config, "limits.memory", "100MB") +
                                         config_set(&config, "limits.kernel.nofile", "1024:2048") +
                                         config_set(&config, "linux.sysctl.net.ipv4.ip_forward", "1") +
                                         config_set(&config, "raw.lxc", "lxc.sysctl.net.core.somaxconn = 256"),
                         0);
        assert_golden("unprivileged-v1.conf", &s);
        s.limits.layout = &v2;
        s.apparmor = "generated";
        assert_golden("unprivileged-v2-apparmor.conf", &s);
        s.privileged = s.nesting = true;
        s.idmap = NULL;
        s.idmapped = s.cgroup_namespace = false;
        s.apparmor = "generated";
        s.n_nics = s.n_mounts = s.n_devices = 0;
        assert_golden("privileged-nesting-v2.conf", &s);
        /* One value is one line, whoever let it through before. */
        LxcConfig c = {};
        assert_int_equal(config_set(&config, "environment.A", "b\nlxc.hook.start = /bin/sh"), 0);
        assert_int_equal(lxc_config_build(&s, &c, NULL), -EINVAL);
        assert_null(c.pairs);
}

static bool has_line_break(const LxcConfig *c) {
        for (size_t k = 0; k < c->n; k++)
                if (strchr(c->pairs[k].key, '\n') || strchr(c->pairs[k].value, '\n'))
                        return true;
        return false;
}

/* Class 4 of docs/security-tests.md, for every key there is, also those to come: no value can add a line to what liblxc reads. */
static void injection(void **state) {
        static const char *const values[] = { "1\nlxc.hook.start = /bin/sh", "true\rlxc.hook.start = /bin/sh", "x\nlxc.mount.entry = / mnt none bind" };
        unsigned multiline = 0;

        for (const ConfigKey *k = instance_config_keys; k->name; k++)
                for (size_t v = 0; v < ELEMENTSOF(values); v++) {
                        _cleanup_(config_done) Config config = {};
                        _cleanup_(lxc_config_done) LxcConfig lxc = {};
                        _cleanup_free_ char *key = strdup(k->name);
                        CgroupLayout layout = {};
                        LxcSpec s = { .hostname = "c1", .rootfs = "/r", .log_dir = "/l", .devlxd = "/d", .config = &config, .limits = { &layout, 1000000000, "0", NULL } };
                        char *star = strchr(key, '*');

                        if (star)
                                *star = 'x';
                        assert_int_equal(config_set(&config, key, values[v]), 0);
                        if (instance_config_check(&config, false, NULL) < 0)
                                continue;
                        multiline++;
                        if (!(k->flags & CONFIG_MULTILINE))
                                fail_msg("%s takes a line break", key);
                        if (streq(key, "raw.lxc"))
                                continue; /* whose purpose it is */
                        if (lxc_config_build(&s, &lxc, NULL) >= 0 && has_line_break(&lxc))
                                fail_msg("%s adds a line", key);
                }
        assert_true(multiline > 0);
}

static void expect_seccomp(const char *key, const char *value, const char *expected) {
        _cleanup_(config_done) Config config = {};
        _cleanup_free_ char *text = NULL;

        if (key)
                assert_int_equal(config_set(&config, key, value), 0);
        assert_int_equal(seccomp_build(&config, &text), 0);
        if (!expected)
                assert_null(text);
        else
                assert_non_null(strstr(text, expected));
}

static void seccomp(void **state) {
        expect_seccomp(NULL, NULL, "2\ndenylist\nreject_force_umount\n[all]\nkexec_load errno 38\n");
        expect_seccomp("security.syscalls.deny_default", "false", NULL);
        expect_seccomp("security.syscalls.deny", "mount", "[all]\nmount");
        expect_seccomp("security.syscalls.allow", "read\nwrite", "2\nallowlist\n[all]\nread\nwrite\n");
        expect_seccomp("raw.seccomp", "2\nx", "2\nx\n");
}

/* Class 1: what liblxc makes on the way to a mount point stays in the guest. */
static void places(void **state) {
        char dir[] = "/tmp/test-places-XXXXXX", root[64], volume[64], path[128];
        _cleanup_close_ int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const GuestPlace earlier[] = { { "/mnt//v", volume }, { "/srv", "/dev/null" } };

        assert_non_null(mkdtemp(dir));
        (void) snprintf(root, sizeof(root), "%s/root", dir);
        (void) snprintf(volume, sizeof(volume), "%s/volume", dir);
        (void) snprintf(path, sizeof(path), "%s/a/b", root);
        assert_int_equal(mkdir_parents(path, 0755), 0);
        assert_int_equal(mkdir(volume, 0755), 0);
        (void) snprintf(path, sizeof(path), "%s/a/link", root);
        assert_int_equal(symlink("b", path), 0);
        (void) snprintf(path, sizeof(path), "%s/v", volume);
        assert_int_equal(symlink("/etc", path), 0);

        assert_int_equal(guest_place_check(root, NULL, 0, "/a/b/c/d"), 0);
        assert_int_equal(guest_place_check(root, NULL, 0, "/x/y"), 0);
        assert_int_equal(guest_place_check(root, NULL, 0, "/"), 0);
        assert_int_equal(guest_place_check(root, NULL, 0, "/a/link"), -ELOOP);
        assert_int_equal(guest_place_check(root, NULL, 0, "//a/./link/c/d"), -ELOOP);
        assert_int_equal(guest_place_check(root, NULL, 0, "/dev/a/link"), 0);
        assert_int_equal(guest_place_check(root, earlier, 2, "/mnt/v/v/x"), -ELOOP);
        assert_int_equal(guest_place_check(root, earlier, 2, "/mnt/./v/v"), -ELOOP);
        assert_int_equal(guest_place_check(root, earlier, 2, "/mnt/vv/v"), 0);
        assert_int_equal(guest_place_check(root, earlier, 0, "/mnt/v/v/x"), 0);
        assert_int_equal(guest_place_check(root, earlier, 2, "/srv/x"), 0);
        assert_int_equal(remove_tree_at(tmp, dir + STRLEN("/tmp/")), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(host_range), cmocka_unit_test(allocation), cmocka_unit_test(raw_map), cmocka_unit_test(bad_raw_maps),
                cmocka_unit_test(patterns), cmocka_unit_test(schedules), cmocka_unit_test(matching), cmocka_unit_test(cgroup_files), cmocka_unit_test(usage),
                cmocka_unit_test(limits), cmocka_unit_test(parsers), cmocka_unit_test(expansion), cmocka_unit_test(raw_lxc),
                cmocka_unit_test(splitting), cmocka_unit_test(small_things), cmocka_unit_test(golden), cmocka_unit_test(injection), cmocka_unit_test(seccomp),
                cmocka_unit_test(places),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
