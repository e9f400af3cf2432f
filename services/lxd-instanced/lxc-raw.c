/* SPDX-License-Identifier: Apache-2.0 */
/* raw.lxc: lines of liblxc configuration from the user, checked and split. */
#include "lxc-raw.h"

#include "base/str.h"

/* What the unit and the runner own, or what would take the guest out of our hands. */
static const char *const refused[] = {
        "lxc.cgroup.dir", "lxc.cgroup.relative", "lxc.console.logfile", "lxc.ephemeral", "lxc.include", "lxc.log.", "lxc.monitor.",
        "lxc.rootfs.", "lxc.start.", "lxc.group", "lxc.execute.", "lxc.uts.name",
};

/* What liblxc reads; an entry that ends in "." stands for all that begin so. A key it does not know would fail the next start. */
static const char *const known[] = {
        "lxc.apparmor.allow_incomplete", "lxc.apparmor.allow_nesting", "lxc.apparmor.profile", "lxc.apparmor.raw", "lxc.arch", "lxc.autodev",
        "lxc.autodev.tmpfs.size", "lxc.cap.drop", "lxc.cap.keep", "lxc.cgroup.", "lxc.cgroup2.", "lxc.console.buffer.size", "lxc.console.path",
        "lxc.console.rotate", "lxc.console.size", "lxc.environment", "lxc.environment.hooks", "lxc.environment.runtime", "lxc.hook.", "lxc.hook.version",
        "lxc.idmap", "lxc.init.cmd", "lxc.init.cwd", "lxc.init.gid", "lxc.init.groups", "lxc.init.uid", "lxc.keyring.session", "lxc.mount.auto",
        "lxc.mount.entry", "lxc.mount.fstab", "lxc.namespace.clone", "lxc.namespace.keep", "lxc.namespace.share.", "lxc.net.", "lxc.no_new_privs",
        "lxc.prlimit.", "lxc.proc.", "lxc.pty.max", "lxc.sched.core", "lxc.seccomp.allow_nesting", "lxc.seccomp.notify.cookie", "lxc.seccomp.notify.proxy",
        "lxc.seccomp.profile", "lxc.selinux.context", "lxc.selinux.context.keyring", "lxc.signal.halt", "lxc.signal.reboot", "lxc.signal.stop",
        "lxc.sysctl.", "lxc.time.offset.boot", "lxc.time.offset.monotonic", "lxc.tty.dir", "lxc.tty.max",
};

static bool key_is_known(const char *key) {
        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                const char *rest = startswith(key, known[i]);

                if (rest && (known[i][strlen(known[i]) - 1] == '.' ? rest[0] != '\0' : rest[0] == '\0'))
                        return true;
        }
        return false;
}

static char *trim(char *s, char *end) {
        while (s < end && (*s == ' ' || *s == '\t'))
                s++;
        while (end > s && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
                end--;
        *end = '\0';
        return s;
}

int raw_lxc_foreach(const char *text, int (*line)(const char *key, const char *value, void *userdata), void *userdata,
                    const char **ret_reason) {
        _cleanup_free_ char *copy = strdup(text);
        int r;

        if (!copy)
                return -ENOMEM;

        for (char *p = copy, *next; p; p = next) {
                char *end = strchrnul(p, '\n'), *key, *equal;

                next = *end ? end + 1 : NULL;
                key = trim(p, end);
                if (key[0] == '\0' || key[0] == '#')
                        continue;

                equal = strchr(key, '=');
                if (!equal) {
                        *ret_reason = "every line must be: key = value";
                        return -EINVAL;
                }

                char *value = trim(equal + 1, equal + 1 + strlen(equal + 1));
                key = trim(key, equal);
                if (!startswith(key, "lxc.") || key[strcspn(key, " \t")] != '\0') {
                        *ret_reason = "only keys that begin with \"lxc.\" are allowed";
                        return -EINVAL;
                }

                r = line(key, value, userdata);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Network keys: only the addresses may be set, as in LXD; links are made by lxd-netd. */
static bool net_key_is_allowed(const char *key) {
        const char *p = startswith(key, "lxc.net.");

        if (!p)
                return !streq(key, "lxc.net"); /* which would clear them all */
        p += strspn(p, "0123456789");
        return startswith(p, ".ipv4.") || startswith(p, ".ipv6.");
}

static int check_line(const char *key, const char *value, void *userdata) {
        const char **reason = userdata;

        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (startswith(key, refused[i])) {
                        *reason = "lxc.log, lxc.rootfs, lxc.include, lxc.cgroup.dir and the like are set by LXD itself";
                        return -EINVAL;
                }
        if (!net_key_is_allowed(key)) {
                *reason = "Only interface-specific ipv4/ipv6 lxc.net. keys are allowed";
                return -EINVAL;
        }
        if (!key_is_known(key)) {
                *reason = "liblxc has no such key";
                return -EINVAL;
        }
        return 0;
}

int raw_lxc_check(const char *text, const char **ret_reason) {
        *ret_reason = "not a valid liblxc configuration";
        return raw_lxc_foreach(text, check_line, ret_reason, ret_reason);
}

static int find_network(const char *key, const char *value, void *userdata) {
        return startswith(key, "lxc.net.") || startswith(key, "lxc.namespace.") ? -ECANCELED : 0;
}

bool raw_lxc_has_network(const char *text) {
        const char *reason;

        return raw_lxc_foreach(text, find_network, NULL, &reason) == -ECANCELED;
}
