/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cgroups of a container are, and removing them. */
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/str.h"
#include "cgroup.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CONTROL ".control"
#define DEPTH_MAX 256 /* a guest may nest as deep as it likes; deeper ones stay until the next boot */

void cgroups_done(Cgroups *c) {
        free(c->unit);
        free(c->payload);
        *c = (Cgroups) {};
}

/* One line "ID:CONTROLLERS:PATH" of /proc/<pid>/cgroup. */
static bool parse_membership(char *line, char **ret_controllers, char **ret_path) {
        char *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;

        if (!second)
                return false;
        *second = '\0';
        *ret_controllers = first + 1;
        *ret_path = second + 1;
        return true;
}

/* The path of PID 1 in the hierarchy with these controllers, without its own init.scope: liblxc's base. */
static int init_base(const char *init, const char *controllers, char **ret) {
        _cleanup_free_ char *copy = strdup(init);
        char *position = copy, *line, *c, *path;

        if (!copy)
                return -ENOMEM;
        while ((line = strsep(&position, "\n"))) {
                const char *scope;

                if (!parse_membership(line, &c, &path) || !streq(c, controllers))
                        continue;
                scope = endswith(path, "/init.scope");
                if (scope)
                        path[scope - path] = '\0';
                if (streq(path, "/"))
                        path[0] = '\0';
                return str_replace(ret, path);
        }
        return str_replace(ret, "");
}

/* Where systemd mounts a hierarchy, and liblxc looks for it: reading the list of all mounts would take the kernel a quarter of a millisecond. One of several
 * controllers goes by the name of the first, which is at least a link. */
static int find_mount(const char *controllers, is_hierarchy_t is_hierarchy, char **ret) {
        _cleanup_free_ char *path = NULL;
        const char *name = startswith(controllers, "name=") ?: controllers;
        int r;

        if (*name)
                r = str_format(&path, CGROUP_ROOT "/%.*s", (int) strcspn(name, ","), name);
        else
                r = str_replace(&path, is_hierarchy(CGROUP_ROOT, true) ? CGROUP_ROOT : CGROUP_ROOT "/unified");
        if (r >= 0 && !is_hierarchy(path, !*name))
                r = -ENOENT;
        if (r >= 0)
                *ret = TAKE_PTR(path);
        return r;
}

/* The unit's path is what systemd's own hierarchy says: name=systemd, or the v2 one where there is no other. */
static int find_unit(const char *self, const char *init, char **ret) {
        _cleanup_free_ char *copy = strdup(self), *base = NULL;
        const char *found = NULL, *of = NULL, *rest, *end;
        char *position = copy, *line, *controllers, *path;
        int r;

        if (!copy)
                return -ENOMEM;
        while ((line = strsep(&position, "\n"))) {
                if (!parse_membership(line, &controllers, &path))
                        continue;
                if (streq(controllers, "name=systemd") || (isempty(controllers) && !found)) {
                        found = path;
                        of = controllers;
                }
        }
        if (!found)
                return -ENOENT;
        r = init_base(init, of, &base);
        if (r < 0)
                return r;
        rest = startswith(found, base);
        if (!rest)
                return -ENOENT;
        rest += strspn(rest, "/");
        /* The service manager runs its own commands for the unit in a cgroup below it. */
        end = endswith(rest, "/" CONTROL) ?: rest + strlen(rest);
        *ret = strndup(rest, (size_t) (end - rest));
        return *ret ? 0 : -ENOMEM;
}

int cgroups_parse(const char *self, const char *init, is_hierarchy_t is_hierarchy, Cgroups *ret) {
        _cleanup_(cgroups_done) Cgroups c = {};
        _cleanup_free_ char *copy = strdup(self);
        char *position = copy, *line, *controllers, *path;
        int r;

        if (!copy)
                return -ENOMEM;
        r = find_unit(self, init, &c.unit);
        if (r < 0)
                return r;
        while ((line = strsep(&position, "\n"))) {
                _cleanup_free_ char *mount = NULL, *base = NULL, *all = NULL;

                if (!parse_membership(line, &controllers, &path))
                        continue;
                r = find_mount(controllers, is_hierarchy, &mount);
                if (r == -ENOENT)
                        continue;
                if (r >= 0)
                        r = init_base(init, controllers, &base);
                if (r >= 0)
                        r = str_format(&all, "%s%s:%s%s/%s/payload\n", strempty(c.payload), controllers, mount, base,
                                       c.unit);
                if (r < 0)
                        return r;
                free(c.payload);
                c.payload = TAKE_PTR(all);
        }
        if (!c.payload)
                return -ENOENT;
        *ret = c;
        c = (Cgroups) {};
        return 0;
}

static bool is_mounted(const char *directory, bool v2) {
        struct statfs s;

        return statfs(directory, &s) >= 0 && s.f_type == (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

int cgroups_find(Cgroups *ret) {
        _cleanup_free_ char *self = NULL, *init = NULL;
        int r;

        r = file_read("/proc/self/cgroup", 64 * 1024, &self, NULL);
        if (r >= 0)
                r = file_read("/proc/1/cgroup", 64 * 1024, &init, NULL);
        return r < 0 ? r : cgroups_parse(self, init, is_mounted, ret);
}

/* The next line "<controllers>:<directory>/payload": its directory without the last part, which is the unit's. NULL at the end. */
static char *next_unit_directory(char **position, const char **ret_controllers) {
        char *line;

        while ((line = strsep(position, "\n"))) {
                char *colon = strchr(line, ':'), *slash = strrchr(line, '/');

                if (!colon || !slash || slash < colon || !streq(slash, "/payload"))
                        continue;
                *colon = *slash = '\0';
                *ret_controllers = line;
                return colon + 1;
        }
        return NULL;
}

/* Is it one of the hierarchies in which the service manager keeps its processes? */
static bool of_manager(const char *controllers) {
        return isempty(controllers) || streq(controllers, "name=systemd");
}

static int write_pid(int dir) {
        _cleanup_close_ int fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return write(fd, "0", 1) < 0 ? -errno : 0;
}

/* Hands the unit's controllers (v2) down to payload and monitor. Those that cannot be handed down stay behind, as on any host. */
static void enable_controllers(int unit, char *controllers) {
        _cleanup_close_ int fd = -EBADF;
        char *position, *name;

        fd = openat(unit, "cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
        position = controllers;
        while (fd >= 0 && (name = strsep(&position, " \n"))) {
                char text[64];
                int n = snprintf(text, sizeof(text), "+%s", name);

                if (!isempty(name) && (size_t) n < sizeof(text))
                        (void) write(fd, text, (size_t) n);
        }
}

/* liblxc needs the cgroup at the end of the guest in any case. Only a hierarchy that hands controllers down wants its processes in the
 * leaves; elsewhere the move, for which the kernel waits for an RCU grace period (some 10 ms), is left out. */
static int enter_one(const char *unit_directory) {
        _cleanup_close_ int unit = -EBADF, fd = -EBADF;
        _cleanup_free_ char *controllers = NULL;
        int r;

        unit = open(unit_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (unit < 0)
                return -errno;
        if (mkdirat(unit, "supervisor", 0755) < 0 && errno != EEXIST)
                return -errno;
        if (file_read_at(unit, "cgroup.controllers", 4096, &controllers, NULL) < 0 || strspn(controllers, " \n") == strlen(controllers))
                return 0;
        fd = openat(unit, "supervisor", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        r = write_pid(fd);
        if (r >= 0)
                enable_controllers(unit, controllers);
        return r;
}

int cgroups_enter_supervisor(const Cgroups *c) {
        _cleanup_free_ char *copy = strdup(c->payload);
        char *position = copy, *directory;
        const char *controllers;

        if (!copy)
                return -ENOMEM;
        while ((directory = next_unit_directory(&position, &controllers))) {
                int r;

                /* Where systemd keeps its own processes; in the other v1 hierarchies it does not matter. */
                if (!of_manager(controllers))
                        continue;
                r = enter_one(directory);
                if (r < 0)
                        return r;
        }
        return 0;
}

typedef unsigned (*visit_t)(int parent, const char *name, unsigned depth);

/* visit() for each cgroup in this one; the sum of what it answers. */
static unsigned each_child(int parent, const char *name, unsigned depth, visit_t visit) {
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *e;
        unsigned n = 0;

        if (!d)
                (void) close_safe(fd);
        while (d && depth < DEPTH_MAX && (e = readdir(d)))
                if (e->d_type == DT_DIR && !streq(e->d_name, ".") && !streq(e->d_name, ".."))
                        n += visit(dirfd(d), e->d_name, depth + 1);
        return n;
}

/* rmdir from the bottom up. 0: it is gone, 1: there are processes in it, so it stays. */
static unsigned remove_cgroup(int parent, const char *name, unsigned depth) {
        if (unlinkat(parent, name, AT_REMOVEDIR) >= 0 || errno == ENOENT)
                return 0;
        (void) each_child(parent, name, depth, remove_cgroup);
        return unlinkat(parent, name, AT_REMOVEDIR) >= 0 || errno == ENOENT ? 0 : 1;
}

/* Those of the service manager's own commands for the unit, of which this is one, are left out. */
static unsigned kill_processes(int parent, const char *name, unsigned depth) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        char *position, *line;
        unsigned n = 0;
        uint64_t pid;

        if (depth == 1 && streq(name, CONTROL))
                return 0;
        if (str_format(&path, "%s/cgroup.procs", name) >= 0 && file_read_at(parent, path, 1024 * 1024, &text, NULL) >= 0)
                for (position = text; (line = strsep(&position, "\n"));)
                        if (parse_u64(line, &pid) >= 0 && pid > 1 && pid < INT32_MAX && (pid_t) pid != getpid()) {
                                (void) kill((pid_t) pid, SIGKILL);
                                n++;
                        }
        return n + each_child(parent, name, depth, kill_processes);
}

unsigned cgroups_kill(const char *payload) {
        _cleanup_free_ char *copy = strdup(strempty(payload));
        char *position = copy, *directory;
        const char *controllers;
        unsigned n = 0;

        while ((directory = next_unit_directory(&position, &controllers)))
                if (of_manager(controllers))
                        n += kill_processes(AT_FDCWD, directory, 0);
        return n;
}

/* Where the service manager itself has the unit's cgroup in this hierarchy, the process that cleans up for the unit is in it. */
static bool holds_this_process(const char *directory) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        char *position, *line;
        uint64_t pid;

        if (str_format(&path, "%s/cgroup.procs", directory) < 0 || file_read(path, 1024 * 1024, &text, NULL) < 0)
                return false;
        for (position = text; (line = strsep(&position, "\n"));)
                if (parse_u64(line, &pid) >= 0 && (pid_t) pid == getpid())
                        return true;
        return false;
}

/* -ENOENT: no guest has started since the host booted. */
static int lock_slice(int operation) {
        int fd = open(LXD_RUN_DIR "/instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

        if (fd < 0)
                return -errno;
        if (flock(fd, operation) >= 0)
                return fd;
        r = -errno;
        (void) close(fd);
        return r;
}

int cgroups_hold_slice(void) {
        return lock_slice(LOCK_SH);
}

void cgroups_let_go_of_slice(int fd) {
        if (fd < 0)
                return;
        (void) flock(fd, LOCK_UN); /* for liblxc's monitor too, which has inherited it */
        (void) close(fd);
}

/* Where liblxc made the unit's directory and its slice, they go too. */
static bool remove_unit(char *directory) {
        _cleanup_close_ int lock = -EBADF;

        if (rmdir(directory) < 0 && errno != ENOENT)
                return holds_this_process(directory);
        lock = lock_slice(LOCK_EX | LOCK_NB);
        if (lock >= 0 || lock == -ENOENT) { /* or else another guest starts, whose end removes it */
                *strrchr(directory, '/') = '\0';
                (void) rmdir(directory);
        }
        return true;
}

bool cgroups_remove(const char *payload) {
        static const char *const ours[] = { "payload", "monitor", "supervisor" };
        _cleanup_free_ char *copy = strdup(strempty(payload));
        char *position = copy, *directory;
        const char *controllers;
        bool gone = true;

        while ((directory = next_unit_directory(&position, &controllers))) {
                _cleanup_close_ int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

                if (fd < 0)
                        continue;
                for (size_t i = 0; i < ELEMENTSOF(ours); i++)
                        gone = remove_cgroup(fd, ours[i], 0) == 0 && gone;
                if (!of_manager(controllers))
                        gone = remove_unit(directory) && gone;
        }
        return gone;
}

static int open_slice(char *directory) {
        char *slash = strrchr(directory, '/');

        if (!slash)
                return -EINVAL;
        *slash = '\0';
        return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The service manager's directories of units, which are there before a unit's first process and until after its last. */
static int open_units(const char *payload) {
        _cleanup_free_ char *copy = strdup(strempty(payload));
        char *position = copy, *directory;
        const char *controllers;

        while ((directory = next_unit_directory(&position, &controllers)))
                if (of_manager(controllers))
                        return open_slice(directory);
        return -ENOENT;
}

/* Looking at all is for when there are more than the units can have: the caller's own is not there any more. */
static bool has_too_many(int slice, int units) {
        struct stat a, b;

        return fstat(slice, &a) >= 0 && fstat(units, &b) >= 0 && a.st_nlink >= b.st_nlink;
}

static void sweep_slice(int slice_fd, int units, const char *prefix) {
        int fd = fcntl(slice_fd, F_DUPFD_CLOEXEC, 3);
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *e;

        if (!d)
                (void) close_safe(fd);
        /* A unit that starts in between has its own cgroup long before liblxc makes others. */
        while (d && (e = readdir(d)))
                if (e->d_type == DT_DIR && startswith(e->d_name, prefix) && faccessat(units, e->d_name, F_OK, 0) < 0 && errno == ENOENT)
                        (void) remove_cgroup(dirfd(d), e->d_name, 0);
}

void cgroups_sweep(const char *payload, const char *prefix) {
        _cleanup_free_ char *copy = strdup(strempty(payload));
        _cleanup_close_ int units = open_units(payload);
        char *position = copy, *directory;
        const char *controllers;

        while (units >= 0 && (directory = next_unit_directory(&position, &controllers))) {
                _cleanup_close_ int slice = of_manager(controllers) ? -EBADF : open_slice(directory);

                if (slice >= 0 && has_too_many(slice, units))
                        sweep_slice(slice, units, prefix);
        }
}
