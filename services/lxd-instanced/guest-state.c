/* SPDX-License-Identifier: Apache-2.0 */
/* The state file of a running instance, and what follows from it: pidfd, root directory, cgroup files. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "base/file.h"
#include "base/str.h"
#include "guest-state.h"

#define STATE_MAX (64 * 1024)

int guest_run_path(uint64_t id, const char *name, char **ret) {
        return str_format(ret, LXD_RUN_DIR "/instances/%" PRIu64 "%s%s", id, isempty(name) ? "" : "/", name);
}

void guest_state_done(GuestState *s) {
        free(s->reason);
        free(s->name);
        free(s->title);
        free(s->cgroups);
        *s = (GuestState) {};
}

static int state_parse_line(GuestState *s, const char *line) {
        const char *value;
        uint64_t pid;
        int r;

        if ((value = startswith(line, "INIT_PID="))) {
                r = parse_u64(value, &pid);
                if (r < 0 || pid > INT32_MAX)
                        return -EBADMSG;
                s->init_pid = (pid_t) pid;
                return 0;
        }
        if ((value = startswith(line, "START_TIME=")))
                return parse_u64(value, &s->start_time);
        if ((value = startswith(line, "STARTED_AT=")))
                return parse_u64(value, &s->started_at);
        if ((value = startswith(line, "REASON=")))
                return str_replace(&s->reason, value);
        if ((value = startswith(line, "NAME=")))
                return str_replace(&s->name, value);
        if ((value = startswith(line, "TITLE=")))
                return str_replace(&s->title, value);
        if ((value = startswith(line, "CGROUP="))) {
                _cleanup_free_ char *all = NULL;

                r = str_format(&all, "%s%s\n", strempty(s->cgroups), value);
                return r < 0 ? r : str_replace(&s->cgroups, all);
        }
        return 0; /* what a newer runner may add */
}

int guest_state_read(uint64_t id, GuestState *ret) {
        _cleanup_(guest_state_done) GuestState s = {};
        _cleanup_free_ char *path = NULL, *text = NULL;
        char *position, *line;
        int r;

        r = guest_run_path(id, "state", &path);
        if (r < 0)
                return r;
        r = file_read(path, STATE_MAX, &text, NULL);
        if (r < 0)
                return r;
        position = text;
        while ((line = strsep(&position, "\n"))) {
                r = state_parse_line(&s, line);
                if (r < 0)
                        return r == -ENOMEM ? r : -EBADMSG;
        }
        *ret = s;
        s = (GuestState) {};
        return 0;
}

/* A reason may hold text of several lines; the file holds one line per value. */
static char *one_line(char *text) {
        for (char *p = text; *p; p++)
                if (*p == '\n' || *p == '\r')
                        *p = ' ';
        return text;
}

static int state_write_cgroups(FILE *f, const GuestState *s) {
        _cleanup_free_ char *copy = NULL;
        char *position, *line;

        copy = strdup(strempty(s->cgroups));
        if (!copy)
                return -ENOMEM;
        position = copy;
        while ((line = strsep(&position, "\n")))
                if (!isempty(line))
                        (void) fprintf(f, "CGROUP=%s\n", line);
        return 0;
}

static int state_format(const GuestState *s, char **ret, size_t *ret_size) {
        _cleanup_free_ char *reason = strdup(strempty(s->reason)), *text = NULL;
        size_t size = 0;
        FILE *f;
        int r;

        if (!reason)
                return -ENOMEM;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        (void) fprintf(f, "# Private data of lxd-container-runner; do not parse.\nNAME=%s\nTITLE=%s\n",
                       strempty(s->name), strempty(s->title));
        if (s->init_pid > 0)
                (void) fprintf(f, "INIT_PID=%d\nSTART_TIME=%" PRIu64 "\nSTARTED_AT=%" PRIu64 "\n",
                               (int) s->init_pid, s->start_time, s->started_at);
        if (s->reason)
                (void) fprintf(f, "REASON=%s\n", one_line(reason));
        r = state_write_cgroups(f, s);
        if (fclose(f) != 0 || r < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

/* In /run: a rename is enough, nothing of it has to survive a power loss. */
int guest_state_write(uint64_t id, const GuestState *s) {
        _cleanup_free_ char *path = NULL, *temporary = NULL, *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t size;
        int r;

        r = guest_run_path(id, "state", &path);
        if (r >= 0)
                r = guest_run_path(id, "state.new", &temporary);
        if (r >= 0)
                r = state_format(s, &text, &size);
        if (r < 0)
                return r;
        fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, text, size);
        if (r < 0)
                return r;
        return rename(temporary, path) < 0 ? -errno : 0;
}

int process_open(pid_t pid) {
        char path[32];
        int fd;

        (void) snprintf(path, sizeof(path), "/proc/%d", (int) pid);
        fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
        return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

int process_start_time(int proc_fd, uint64_t *ret) {
        _cleanup_free_ char *text = NULL;
        const char *p;
        char *end;
        int r;

        r = file_read_at(proc_fd, "stat", 4096, &text, NULL);
        if (r < 0)
                return -ESRCH;
        p = strrchr(text, ')'); /* the name may hold anything, blanks and brackets too */
        for (unsigned field = 2; p && field < 22; field++)
                p = strchr(p + 1, ' ');
        if (!p)
                return -EBADMSG;
        errno = 0;
        *ret = strtoull(p + 1, &end, 10);
        return errno != 0 || end == p + 1 ? -EBADMSG : 0;
}

/* Opens /proc/<init>: what it refers to stays that process, so a check of the start time afterwards holds. */
static int state_open_process(const GuestState *s) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t start_time;
        int r;

        if (s->init_pid <= 0)
                return -ESRCH;
        fd = process_open(s->init_pid);
        if (fd < 0)
                return fd;
        r = process_start_time(fd, &start_time);
        if (r < 0)
                return r;
        if (start_time != s->start_time)
                return -ESRCH;
        return TAKE_FD(fd);
}

int guest_state_pidfd(const GuestState *s) {
        _cleanup_close_ int pidfd = -EBADF, proc = -EBADF;

        if (s->init_pid <= 0)
                return -ESRCH;
        pidfd = (int) syscall(SYS_pidfd_open, s->init_pid, 0);
        if (pidfd < 0)
                return -errno;
        /* Same start time after the pidfd was opened: the pidfd is of the process that is meant. */
        proc = state_open_process(s);
        if (proc < 0)
                return proc;
        return TAKE_FD(pidfd);
}

int guest_state_open_root(const GuestState *s) {
        _cleanup_close_ int proc = state_open_process(s);
        int fd;

        if (proc < 0)
                return proc;
        fd = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

int guest_state_open_namespace(const GuestState *s, const char *name) {
        _cleanup_close_ int proc = state_open_process(s);
        char path[32];
        int fd;

        if (proc < 0)
                return proc;
        (void) snprintf(path, sizeof(path), "ns/%s", name);
        fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
        return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

/* Calls f for each line of cgroups: controllers (comma-separated, "" on v2) and directory. Stops at and returns the first non-zero. */
static int each_cgroup(const GuestState *s, int (*f)(const char *controllers, const char *directory, void *userdata),
                       void *userdata) {
        _cleanup_free_ char *copy = strdup(strempty(s->cgroups));
        char *position = copy, *line;

        if (!copy)
                return -ENOMEM;
        while ((line = strsep(&position, "\n"))) {
                char *colon = strchr(line, ':');
                int r;

                if (!colon)
                        continue;
                *colon = '\0';
                r = f(line, colon + 1, userdata);
                if (r != 0)
                        return r;
        }
        return 0;
}

struct find_cgroup {
        const char *controller;
        char *directory, *unified;
        bool legacy; /* some controller has a hierarchy of its own */
};

static bool list_contains(const char *list, const char *word) {
        size_t n = strlen(word);

        for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
                if (strcspn(p, ",") == n && strncmp(p, word, n) == 0)
                        return true;
        return false;
}

static int find_cgroup_line(const char *controllers, const char *directory, void *userdata) {
        struct find_cgroup *find = userdata;

        if (isempty(controllers))
                return str_replace(&find->unified, directory);
        if (!startswith(controllers, "name="))
                find->legacy = true;
        return list_contains(controllers, find->controller) ? str_replace(&find->directory, directory) : 0;
}

int guest_state_cgroup(const GuestState *s, const char *controller, char **ret) {
        struct find_cgroup find = { .controller = controller };
        _cleanup_free_ char *directory = NULL, *unified = NULL;
        int r;

        r = each_cgroup(s, find_cgroup_line, &find);
        directory = find.directory;
        unified = find.unified;
        if (r < 0)
                return r;
        if (directory)
                *ret = TAKE_PTR(directory);
        else if (unified && (isempty(controller) || !find.legacy))
                *ret = TAKE_PTR(unified);
        else
                return -ENOENT;
        return 0;
}

int guest_cgroup_get(const GuestState *s, const char *file, char **ret) {
        _cleanup_free_ char *controller = NULL, *directory = NULL, *path = NULL, *text = NULL;
        size_t n;
        int r;

        if (strchr(file, '/') || !strchr(file, '.'))
                return -EINVAL;
        controller = strndup(file, strcspn(file, "."));
        if (!controller)
                return -ENOMEM;
        r = guest_state_cgroup(s, streq(controller, "cgroup") ? "" : controller, &directory);
        if (r >= 0)
                r = str_format(&path, "%s/%s", directory, file);
        if (r >= 0)
                r = file_read(path, STATE_MAX, &text, &n);
        if (r < 0)
                return r;
        if (n > 0 && text[n - 1] == '\n')
                text[n - 1] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

int guest_cgroup_version(void) {
        struct statfs f;

        if (statfs("/sys/fs/cgroup", &f) < 0)
                return -errno;
        return f.f_type == CGROUP2_SUPER_MAGIC ? 2 : 1;
}
