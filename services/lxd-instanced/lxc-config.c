/* SPDX-License-Identifier: Apache-2.0 */
/* The complete liblxc configuration of a guest, built from plain data: no file, no bus, no clock. */
#include "lxc-config.h"

#include "base/str.h"
#include "bus-error.h"
#include "lxc-raw.h"
#include "settings.h"

#define PTS_MAJOR 136

void lxc_config_done(LxcConfig *c) {
        for (size_t i = 0; i < c->n; i++) {
                free(c->pairs[i].key);
                free(c->pairs[i].value);
        }
        free(c->pairs);
        *c = (LxcConfig) {};
}

/* Collects pairs; the first error sticks, so that builders need not check each line. */
typedef struct Builder {
        LxcConfig config;
        int error;
        const char *bad; /* key of the value that has a line break */
} Builder;

static void add(Builder *b, const char *key, const char *format, ...) printf_like(3, 4);
static void add(Builder *b, const char *key, const char *format, ...) {
        LxcPair *grown;
        char *value, *name;
        va_list ap;
        int r;

        if (b->error < 0)
                return;

        va_start(ap, format);
        r = str_vformat(&value, format, ap);
        va_end(ap);
        if (r < 0) {
                b->error = r;
                return;
        }
        name = strdup(key);
        grown = name ? reallocarray(b->config.pairs, b->config.n + 1, sizeof(LxcPair)) : NULL;
        if (!grown) {
                free(name);
                free(value);
                b->error = -ENOMEM;
                return;
        }

        /* One pair is one line for liblxc: a line break would begin another one. */
        if (strpbrk(value, "\n\r")) {
                b->error = -EINVAL;
                b->bad = key;
        }
        b->config.pairs = grown;
        b->config.pairs[b->config.n++] = (LxcPair) { name, value };
}

int mount_escape(const char *path, char **ret) {
        char *out = malloc(strlen(path) * 4 + 1), *p = out;

        if (!out)
                return -ENOMEM;
        for (; *path; path++)
                if (strchr(" \t\n\\#", *path))
                        p += sprintf(p, "\\%03o", (unsigned char) *path);
                else
                        *p++ = *path;
        *p = '\0';
        *ret = out;
        return 0;
}

static void add_basics(Builder *b, const LxcSpec *s) {
        if (s->architecture && !streq(s->architecture, architecture_native()))
                add(b, "lxc.arch", "%s", s->architecture);
        add(b, "lxc.uts.name", "%s", s->hostname);
        add(b, "lxc.rootfs.path", "dir:%s", s->rootfs);
        if (s->idmapped || s->readonly)
                add(b, "lxc.rootfs.options", "%s%s%s", s->idmapped ? "idmap=container" : "", s->idmapped && s->readonly ? "," : "",
                    s->readonly ? "ro" : "");
        add(b, "lxc.console.logfile", "%s/console.log", s->log_dir);
        add(b, "lxc.console.size", "1MB"); /* a guest that talks without end begins a new one, and does not fill the host's disk */
        add(b, "lxc.tty.max", "0");
        add(b, "lxc.pty.max", "1024");
        add(b, "lxc.autodev", "1");

        for (size_t i = 0; s->idmap && i < s->idmap->n; i++) {
                const IdmapEntry *e = s->idmap->entries + i;

                add(b, "lxc.idmap", "%c %" PRIu32 " %" PRIu32 " %" PRIu32, e->uid ? 'u' : 'g', e->guest, e->host, e->range);
        }
}

/* The profile that liblxc generates forbids what a systemd of today mounts at boot and for the sandboxes of its services, the cgroup2
 * at /sys/fs/cgroup first of all. In a user namespace of its own the kernel has the say about mounts; the root of a privileged
 * container is the host's, so it gets just the cgroups. */
static void add_apparmor_rules(Builder *b, const LxcSpec *s) {
        if (s->nesting)
                add(b, "lxc.apparmor.allow_nesting", "1");
        if (s->privileged) {
                add(b, "lxc.apparmor.raw", "mount fstype=cgroup2 -> /sys/fs/cgroup/,");
                return;
        }
        add(b, "lxc.apparmor.raw", "mount,");
        add(b, "lxc.apparmor.raw", "umount,");
        add(b, "lxc.apparmor.raw", "pivot_root,");
}

static void add_security(Builder *b, const LxcSpec *s) {
        if (s->privileged)
                add(b, "lxc.cap.drop", "sys_time sys_module sys_rawio mac_admin mac_override");
        if (s->apparmor) {
                add(b, "lxc.apparmor.profile", "%s", s->apparmor);
                if (streq(s->apparmor, "generated"))
                        add_apparmor_rules(b, s);
        }
        if (s->seccomp)
                add(b, "lxc.seccomp.profile", "%s", s->seccomp);
}

static void add_system_mounts(Builder *b, const LxcSpec *s) {
        static const char *const binds[] = { "/dev/fuse", "/dev/net/tun" };
        static const char *const trees[] = {
                "/proc/sys/fs/binfmt_misc", "/sys/fs/fuse/connections", "/sys/fs/pstore", "/sys/kernel/debug", "/sys/kernel/security",
                "/sys/kernel/tracing",
        };
        const char *mode = s->privileged && !s->nesting ? "mixed" : "rw";

        add(b, "lxc.mount.auto", "proc:%s sys:%s%s", mode, mode, s->cgroup_namespace ? "" : " cgroup:mixed");
        /* What is missing is left out: liblxc would log an error even for an optional mount, and hide the real one. */
        for (size_t i = 0; i < ELEMENTSOF(binds); i++)
                if (!s->exists || s->exists(binds[i]))
                        add(b, "lxc.mount.entry", "%s %s none bind,create=file,optional 0 0", binds[i], binds[i] + 1);
        for (size_t i = 0; i < ELEMENTSOF(trees); i++)
                if (!s->exists || s->exists(trees[i]))
                        add(b, "lxc.mount.entry", "%s %s none rbind,optional 0 0", trees[i], trees[i] + 1);
        add(b, "lxc.mount.entry", "mqueue dev/mqueue mqueue rw,relatime,create=dir,optional 0 0");
        if (s->nesting) {
                /* Unmasked instances, so that the kernel lets nested containers mount their own. */
                add(b, "lxc.mount.entry", "proc dev/.lxc/proc proc create=dir,optional 0 0");
                add(b, "lxc.mount.entry", "sys dev/.lxc/sys sysfs create=dir,optional 0 0");
        }
        /* The folder is the same for all guests: one of them whose root is the host's would put its own socket there. */
        if (s->devlxd)
                add(b, "lxc.mount.entry", "%s dev/lxd none bind,ro,nosuid,nodev,noexec,create=dir,optional 0 0", s->devlxd);
}

static void add_mount(Builder *b, const LxcMount *m) {
        _cleanup_free_ char *source = NULL, *target = NULL;
        const char *relative = m->target + strspn(m->target, "/");

        if (mount_escape(m->source, &source) < 0 || mount_escape(relative, &target) < 0) {
                b->error = -ENOMEM;
                return;
        }
        add(b, "lxc.mount.entry", "%s %s none %s,create=%s%s%s%s%s%s 0 0", source, target, m->recursive ? "rbind" : "bind",
            m->directory ? "dir" : "file", m->readonly ? ",ro" : "", m->optional ? ",optional" : "", m->shift ? ",idmap=container" : "",
            m->propagation ? "," : "", strempty(m->propagation));
}

static void add_nics(Builder *b, const LxcSpec *s) {
        char key[64];

        if (s->n_nics == 0)
                add(b, "lxc.net.0.type", "empty");
        for (size_t i = 0; i < s->n_nics; i++) {
                (void) snprintf(key, sizeof(key), "lxc.net.%zu.type", i);
                add(b, key, "phys");
                (void) snprintf(key, sizeof(key), "lxc.net.%zu.flags", i);
                add(b, key, "up");
                (void) snprintf(key, sizeof(key), "lxc.net.%zu.link", i);
                add(b, key, "%s", s->nics[i].link);
                (void) snprintf(key, sizeof(key), "lxc.net.%zu.name", i);
                add(b, key, "%s", s->nics[i].name);
        }
}

static const char *cgroup_prefix(const LxcSpec *s, CgroupController c) {
        return s->limits.layout->v1[c] ? "lxc.cgroup." : "lxc.cgroup2.";
}

static CgroupController controller_of_file(const char *file) {
        size_t n = strcspn(file, ".");

        for (int c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                if (strlen(cgroup_controller_name(c)) == n && strncmp(cgroup_controller_name(c), file, n) == 0)
                        return (CgroupController) c;
        return CGROUP_MEMORY;
}

/* <from>NAME becomes <to>NAME. */
static void add_keys_below(Builder *b, const Config *c, const char *from, const char *to) {
        char key[256];

        CONFIG_FOREACH(i, c) {
                const char *name = startswith(i->key, from);

                if (!name || isempty(i->value))
                        continue;
                (void) snprintf(key, sizeof(key), "%s%s", to, name);
                add(b, key, "%s", i->value);
        }
}

static void add_limits(Builder *b, const LxcSpec *s) {
        _cleanup_(config_done) Config limits = {};
        const char *memsw;
        char key[128];
        int r;

        r = cgroup_limits_build(s->config, &s->limits, false, &limits);
        if (r < 0) {
                b->error = r;
                return;
        }
        CONFIG_FOREACH(i, &limits) {
                if (streq(i->key, "memory.memsw.limit_in_bytes"))
                        continue; /* only after memory.limit_in_bytes: the kernel wants it at least as large */
                (void) snprintf(key, sizeof(key), "%s%s", cgroup_prefix(s, controller_of_file(i->key)), i->key);
                add(b, key, "%s", i->value);
        }
        memsw = config_get(&limits, "memory.memsw.limit_in_bytes");
        if (memsw)
                add(b, "lxc.cgroup.memory.memsw.limit_in_bytes", "%s", memsw);

        add_keys_below(b, s->config, "limits.kernel.", "lxc.prlimit.");
        add_keys_below(b, s->config, "linux.sysctl.", "lxc.sysctl.");
}

/* What each guest may use besides pts/N: null, zero, full, random, urandom, tty, console, ptmx, fuse, tun. It may mknod anything. */
static const struct {
        unsigned major, minor;
} common_devices[] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 }, { 5, 0 }, { 5, 1 }, { 5, 2 }, { 10, 229 }, { 10, 200 } };

bool lxc_device_is_common(bool block, unsigned major, unsigned minor) {
        for (size_t i = 0; i < ELEMENTSOF(common_devices); i++)
                if (common_devices[i].major == major && common_devices[i].minor == minor)
                        return !block;
        return !block && major == PTS_MAJOR;
}

static void add_devices(Builder *b, const LxcSpec *s) {
        char deny[64], allow[64];

        (void) snprintf(deny, sizeof(deny), "%sdevices.deny", cgroup_prefix(s, CGROUP_DEVICES));
        (void) snprintf(allow, sizeof(allow), "%sdevices.allow", cgroup_prefix(s, CGROUP_DEVICES));
        if (s->device_cgroup) {
                add(b, deny, "a");
                add(b, allow, "b *:* m");
                add(b, allow, "c *:* m");
                add(b, allow, "c %u:* rwm", PTS_MAJOR);
                for (size_t i = 0; i < ELEMENTSOF(common_devices); i++)
                        add(b, allow, "c %u:%u rwm", common_devices[i].major, common_devices[i].minor);
        }
        for (size_t i = 0; i < s->n_devices; i++) {
                const LxcDevice *d = s->devices + i;

                if (s->device_cgroup)
                        add(b, allow, "%c %u:%u rwm", d->block ? 'b' : 'c', d->major, d->minor);
                add_mount(b, &(LxcMount) { .source = d->node, .target = d->target });
        }
}

static int add_raw_line(const char *key, const char *value, void *userdata) {
        add(userdata, key, "%s", value);
        return 0;
}

static void add_environment(Builder *b, const Config *config) {
        CONFIG_FOREACH(i, config) {
                const char *name = startswith(i->key, "environment.");

                if (name)
                        add(b, "lxc.environment", "%s=%s", name, i->value);
        }
}

int lxc_config_build(const LxcSpec *s, LxcConfig *ret, sd_bus_error *error) {
        const char *raw = config_get(s->config, "raw.lxc"), *reason = NULL;
        Builder b = {};

        add_basics(&b, s);
        add_security(&b, s);
        add_system_mounts(&b, s);
        for (size_t i = 0; i < s->n_mounts; i++)
                add_mount(&b, s->mounts + i);
        add_nics(&b, s);
        add_devices(&b, s);
        add_limits(&b, s);
        add_environment(&b, s->config);
        if (b.error >= 0 && raw)
                b.error = raw_lxc_foreach(raw, add_raw_line, &b, &reason);

        if (b.error < 0) {
                int r = b.error;

                if (b.bad)
                        r = bus_error_set(error, LXD_ERROR_INVALID, "Invalid value for liblxc's key \"%s\": it has a line break", b.bad);
                else if (reason)
                        r = bus_error_set(error, LXD_ERROR_INVALID, "Invalid raw.lxc: %s", reason);
                lxc_config_done(&b.config);
                return r;
        }

        *ret = b.config;
        return 0;
}

int lxc_config_to_text(const LxcConfig *c, char **ret) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < c->n; i++)
                fprintf(f, "%s = %s\n", c->pairs[i].key, c->pairs[i].value);
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

/* A key by its present or its old name. */
static const char *get_either(const Config *c, const char *name, const char *old_name) {
        return config_get(c, name) ?: config_get(c, old_name);
}

/* The doors of 32-bit programs into a 64-bit kernel, by the names that libseccomp has for them. */
static const char compat_entries[] =
        "[x86]\nexecve errno 38\nmmap2 errno 38\nsocketcall errno 38\n_llseek errno 38\n";

int seccomp_build(const Config *config, char **ret) {
        const char *raw = config_get(config, "raw.seccomp");
        const char *allow = get_either(config, "security.syscalls.allow", "security.syscalls.whitelist");
        const char *deny = get_either(config, "security.syscalls.deny", "security.syscalls.blacklist");
        const char *defaults = get_either(config, "security.syscalls.deny_default", "security.syscalls.blacklist_default");
        bool compat = str_is_true(get_either(config, "security.syscalls.deny_compat", "security.syscalls.blacklist_compat"));

        if (!isempty(raw))
                return str_format(ret, "%s\n", raw);
        if (!isempty(allow))
                return str_format(ret, "2\nallowlist\n[all]\n%s\n", allow);
        if (!isempty(defaults) && !str_is_true(defaults) && !compat && isempty(deny)) {
                *ret = NULL;
                return 0;
        }

        return str_format(ret, "2\ndenylist\n%s%s%s%s",
                          !isempty(defaults) && !str_is_true(defaults)
                                          ? ""
                                          : "reject_force_umount\n[all]\nkexec_load errno 38\nopen_by_handle_at errno 38\ninit_module errno 38\n"
                                            "finit_module errno 38\ndelete_module errno 38\n",
                          compat ? compat_entries : "", isempty(deny) ? "" : "[all]\n", strempty(deny));
}
