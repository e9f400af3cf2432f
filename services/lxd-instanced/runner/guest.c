/* SPDX-License-Identifier: Apache-2.0 */
/* The container: its configuration in liblxc, starting it, and how it ended. */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "guest.h"
#include "hook.h"

#define LOG_MAX (1024 * 1024)

void guest_done(Guest *g) {
        if (g->lxc)
                lxc_container_put(g->lxc);
        cgroups_done(&g->cgroups);
        guest_state_done(&g->state);
        free(g->project);
        free(g->instance);
        free(g->log_path);
        closep(&g->init_pidfd);
        g->lxc = NULL;
}

static int guest_set(Guest *g, const char *key, const char *value, char **ret_text) {
        if (g->lxc->set_config_item(g->lxc, key, value))
                return 0;
        (void) str_format(ret_text, "liblxc does not take the configuration \"%s = %s\"", key, value);
        return -EINVAL;
}

static int guest_setf(Guest *g, char **ret_text, const char *key, const char *format, ...) printf_like(4, 5);
static int guest_setf(Guest *g, char **ret_text, const char *key, const char *format, ...) {
        _cleanup_free_ char *value = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = str_vformat(&value, format, ap);
        va_end(ap);
        return r < 0 ? r : guest_set(g, key, value, ret_text);
}

/* What only the runner knows. The absolute cgroup directories keep monitor and payload inside the unit on every kind of host. */
static int guest_set_own(Guest *g, char **ret_text) {
        const char *unit = g->cgroups.unit, *hook = hook_command(g->id);
        int r = hook ? 0 : -ENOMEM;

        if (r >= 0)
                r = guest_set(g, "lxc.cgroup.relative", "0", ret_text);
        if (r >= 0)
                r = guest_setf(g, ret_text, "lxc.cgroup.dir.monitor", "%s/monitor", unit);
        if (r >= 0)
                r = guest_setf(g, ret_text, "lxc.cgroup.dir.monitor.pivot", "%s/supervisor", unit);
        if (r >= 0)
                r = guest_setf(g, ret_text, "lxc.cgroup.dir.container", "%s/payload", unit);
        if (r >= 0)
                r = guest_set(g, "lxc.log.level", "warn", ret_text);
        if (r >= 0)
                r = guest_set(g, "lxc.log.file", g->log_path, ret_text);
        if (r >= 0)
                r = guest_set(g, "lxc.hook.version", "1", ret_text);
        if (r >= 0)
                r = guest_set(g, "lxc.hook.start-host", hook, ret_text);
        if (r >= 0)
                r = guest_set(g, "lxc.hook.post-stop", hook, ret_text);
        return r;
}

/* With how to wait for what the host has to do. */
typedef struct Take {
        Guest *guest;
        guest_wait_t wait;
        void *userdata;
} Take;

static int take_config(const Take *t, const char *key, const char *value, char **ret_text) {
        return guest_set(t->guest, key, value, ret_text);
}

static int take_option(const Take *t, const char *key, const char *value, char **ret_text) {
        Guest *g = t->guest;
        const struct { const char *key; char **ret; } texts[] = {
                { "title", &g->state.title }, { "project", &g->project }, { "instance", &g->instance }, { "log_file", &g->log_path },
        };
        uint64_t timeout;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (streq(key, texts[i].key))
                        return str_replace(texts[i].ret, value);
        if (host_has(key))
                return host_do(key, value, t->wait, t->userdata, ret_text);
        if (streq(key, "shutdown_timeout") && parse_u64(value, &timeout) >= 0 && timeout < INT32_MAX / 1000)
                g->shutdown_timeout = (unsigned) timeout;
        return 0;
}

static int take_pairs(const Take *t, DbusReader *body, int (*take)(const Take *t, const char *key, const char *value, char **ret_text),
                      char **ret_text) {
        const char *key, *value;
        DbusReader pairs;
        int r;

        r = dbus_get_array_of_structs(body, &pairs);
        if (r < 0)
                return r;
        while ((r = dbus_enter_struct(&pairs)) > 0) {
                if (dbus_get_string(&pairs, &key) <= 0 || dbus_get_string(&pairs, &value) <= 0)
                        return -EBADMSG;
                r = take(t, key, value, ret_text);
                if (r < 0)
                        return r;
        }
        return r;
}

/* What a plan need not say. */
static int guest_take_defaults(Guest *g, const char *name) {
        int r;

        r = str_replace(&g->state.name, name);
        if (r >= 0)
                r = str_replace(&g->state.title, name);
        if (r >= 0)
                r = str_replace(&g->instance, name);
        if (r >= 0)
                r = str_replace(&g->project, "default");
        if (r >= 0)
                r = guest_run_path(g->id, "lxc.log", &g->log_path);
        return r < 0 ? r : str_replace(&g->state.cgroups, g->cgroups.payload);
}

int guest_configure(Guest *g, DbusMessage *plan, guest_wait_t wait, void *userdata, char **ret_text) {
        const Take t = { g, wait, userdata };
        _cleanup_free_ char *path = NULL;
        const char *name;
        int r;

        r = dbus_get_string(&plan->body, &name);
        if (r <= 0 || isempty(name) || name[0] == '.' || strchr(name, '/'))
                return -EBADMSG;
        r = guest_take_defaults(g, name);
        /* A directory of its own, not one for all: its AppArmor profile is called by it, and two projects may use the same name. */
        if (r >= 0)
                r = guest_run_path(g->id, "", &path);
        if (r < 0)
                return r;
        g->lxc = lxc_container_new(name, path);
        if (!g->lxc)
                return -ENOMEM;
        g->lxc->clear_config(g->lxc); /* nothing of /etc/lxc/default.conf */
        /* Only loading a file, be it empty, gives the configuration the name by which liblxc files its AppArmor profile. */
        if (!g->lxc->load_config(g->lxc, "/dev/null"))
                return -EIO;
        r = take_pairs(&t, &plan->body, take_config, ret_text);
        if (r >= 0)
                r = take_pairs(&t, &plan->body, take_option, ret_text);
        return r < 0 ? r : guest_set_own(g, ret_text);
}

/* "lxc NAME 2026... ERROR    conf - ../src/lxc/conf.c:func:1 - No such file - Failed to mount" -> "Failed to mount: No such file". */
static char *log_line_text(char *line) {
        char *p = strstr(line, " ERROR "), *second;
        char *text = NULL;

        for (unsigned i = 0; i < 2 && p; i++) {
                p = strstr(p, " - ");
                if (p)
                        p += 3;
        }
        if (!p)
                return NULL;
        second = strstr(p, " - ");
        if (second) {
                *second = '\0';
                (void) str_format(&text, "%s: %s", second + 3, p);
        } else
                text = strdup(p);
        return text;
}

char *guest_log_error(const char *log) {
        _cleanup_free_ char *copy = strdup(log);
        char *position = copy, *line;

        while (position && (line = strsep(&position, "\n")))
                if (strstr(line, " ERROR "))
                        return log_line_text(line);
        return NULL;
}

/* The hook's own reason, or liblxc's, from where this start began: the log of a stopped and started instance may be one file. */
static char *guest_start_error(const Guest *g, const char *refusal, off_t from) {
        _cleanup_close_ int fd = open(g->log_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_free_ char *log = NULL;
        ssize_t n;
        char *text;

        if (file_read(refusal, LOG_MAX, &text, NULL) >= 0) {
                if (!isempty(text))
                        return text;
                free(text);
        }
        log = fd < 0 ? NULL : calloc(1, LOG_MAX + 1);
        if (!log)
                return NULL;
        n = pread(fd, log, LOG_MAX, from);
        return n > 0 ? guest_log_error(log) : NULL;
}

static pid_t process_parent(int proc) {
        _cleanup_free_ char *text = NULL;
        const char *p;

        if (file_read_at(proc, "stat", 4096, &text, NULL) < 0)
                return 0;
        p = strrchr(text, ')');
        return p && strlen(p) > 4 ? (pid_t) atoi(p + 4) : 0; /* ") S PPID" */
}

static int guest_take_init(Guest *g) {
        _cleanup_close_ int proc = -EBADF;
        int r;

        g->state.init_pid = g->lxc->init_pid(g->lxc);
        if (g->state.init_pid <= 0)
                return -ESRCH;
        g->init_pidfd = (int) syscall(SYS_pidfd_open, g->state.init_pid, 0);
        if (g->init_pidfd < 0)
                return -errno;
        proc = process_open(g->state.init_pid);
        if (proc < 0)
                return proc;
        r = process_start_time(proc, &g->state.start_time);
        if (r < 0)
                return r;
        g->monitor = process_parent(proc);
        g->state.started_at = now_realtime();
        return g->monitor > 1 ? 0 : -ESRCH;
}

int guest_start(Guest *g, char **ret_text) {
        _cleanup_free_ char *target = NULL, *refusal = NULL;
        struct stat st;
        off_t log_end = stat(g->log_path, &st) < 0 ? 0 : st.st_size;
        int slice, r;
        bool started;

        r = guest_run_path(g->id, HOOK_TARGET_FILE, &target);
        if (r >= 0)
                r = guest_run_path(g->id, HOOK_REFUSAL_FILE, &refusal);
        if (r < 0)
                return r;
        (void) unlink(target);
        (void) unlink(refusal);
        (void) g->lxc->want_daemonize(g->lxc, true); /* its monitor is then a process of its own, ours by PR_SET_CHILD_SUBREAPER */
        slice = cgroups_hold_slice();
        started = g->lxc->start(g->lxc, 0, NULL);
        cgroups_let_go_of_slice(slice);
        if (!started) {
                *ret_text = guest_start_error(g, refusal, log_end);
                return -EIO;
        }
        r = guest_take_init(g);
        if (r < 0)
                (void) str_format(ret_text, "The container ended as soon as it had started");
        return r;
}

const char *guest_end_reason(const Guest *g) {
        _cleanup_free_ char *path = NULL, *target = NULL;

        if (guest_run_path(g->id, HOOK_TARGET_FILE, &path) < 0 || file_read(path, 64, &target, NULL) < 0)
                return "crash";
        return startswith(target, "reboot") ? "reboot" : "shutdown";
}

/* The signals that make its init shut down, as a mask of /proc/<pid>/status: liblxc sends SIGRTMIN+3 to those that have it blocked. */
static uint64_t halt_signals(const Guest *g) {
        char value[16];
        int s = 0;

        if (g->lxc->get_config_item(g->lxc, "lxc.signal.halt", value, sizeof(value)) > 0)
                s = atoi(value);
        return s > 0 && s <= 64 ? UINT64_C(1) << (s - 1) : UINT64_C(1) << (SIGPWR - 1) | UINT64_C(1) << (SIGRTMIN + 3 - 1);
}

/* Whether the guest's init is there (not still liblxc's process, which is this program) and handles one of the signals. */
static bool init_listens(const Guest *g, uint64_t signals) {
        _cleanup_free_ char *text = NULL;
        struct stat own, init;
        char path[64], *line, *position;
        uint64_t mask, all = 0;

        (void) snprintf(path, sizeof(path), "/proc/%d/exe", (int) g->state.init_pid);
        if (stat("/proc/self/exe", &own) >= 0 && stat(path, &init) >= 0 && own.st_dev == init.st_dev && own.st_ino == init.st_ino)
                return false;
        (void) snprintf(path, sizeof(path), "/proc/%d/status", (int) g->state.init_pid);
        if (file_read(path, 64 * 1024, &text, NULL) < 0)
                return false;
        position = text;
        while ((line = strsep(&position, "\n")))
                if (sscanf(line, "SigBlk: %" SCNx64, &mask) == 1 || sscanf(line, "SigCgt: %" SCNx64, &mask) == 1)
                        all |= mask;
        return all & signals;
}

void guest_shutdown(const Guest *g) {
        uint64_t signals = halt_signals(g), end = now_monotonic() + GUEST_LISTENS_MAX * USEC_PER_SEC;
        struct pollfd ended = { .fd = g->init_pidfd, .events = POLLIN };

        while (!init_listens(g, signals) && now_monotonic() < end)
                if (poll(&ended, 1, GUEST_LISTENS_POLL_MS) > 0)
                        return;
        /* With timeout 0 liblxc says whether the guest is stopped already; that it sent the signal it does not say. */
        (void) g->lxc->shutdown(g->lxc, 0);
}

int guest_kill_init(const Guest *g) {
        if (g->init_pidfd < 0)
                return -ESRCH;
        return syscall(SYS_pidfd_send_signal, g->init_pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH ? -errno : 0;
}

int guest_is_frozen(const Guest *g) {
        _cleanup_free_ char *value = NULL;
        int r;

        r = guest_cgroup_get(&g->state, "freezer.state", &value);
        if (r >= 0)
                return streq(value, "FROZEN") || streq(value, "FREEZING");
        r = guest_cgroup_get(&g->state, "cgroup.freeze", &value);
        return r < 0 ? r : streq(value, "1");
}

/* The value of a file in one of the guest's cgroups, without liblxc, which would wait for it to take effect. */
static void write_cgroup(const Guest *g, const char *controller, const char *file, const char *value) {
        _cleanup_free_ char *directory = NULL, *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (guest_state_cgroup(&g->state, controller, &directory) < 0 || str_format(&path, "%s/%s", directory, file) < 0)
                return;
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0)
                (void) fd_write_all(fd, value, strlen(value));
}

void guest_thaw(const Guest *g) {
        if (guest_is_frozen(g) <= 0)
                return;
        write_cgroup(g, "freezer", "freezer.state", "THAWED");
        write_cgroup(g, "", "cgroup.freeze", "0");
}

int guest_host_id(const Guest *g, bool gid, uint32_t id, uint32_t *ret) {
        _cleanup_free_ char *text = NULL;
        char path[64], *position, *line;
        unsigned inside, outside, range;
        int r;

        (void) snprintf(path, sizeof(path), "/proc/%d/%s_map", (int) g->state.init_pid, gid ? "gid" : "uid");
        r = file_read(path, 64 * 1024, &text, NULL);
        if (r < 0)
                return r;
        position = text;
        while ((line = strsep(&position, "\n")))
                if (sscanf(line, "%u %u %u", &inside, &outside, &range) == 3 && id >= inside && id - inside < range) {
                        *ret = outside + (id - inside);
                        return 0;
                }
        return -ERANGE;
}
