/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file system can have idmapped mounts: tried once for each that is mounted, with a user namespace made for the purpose. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "guest-control.h"

#define REMEMBERED_MAX 64

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U /* Linux 6.8 */
#endif

static struct {
        uint64_t mount;
        __fsword_t type; /* before Linux 6.8 another file system may have the number of a mount that is gone */
        int answer;
} remembered[REMEMBERED_MAX];
static size_t n_remembered;

static int write_map(pid_t pid, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fd_write_all(fd, "0 1000000 65536\n", STRLEN("0 1000000 65536\n"));
}

static int open_userns(pid_t pid) {
        char path[64];
        int r;

        r = write_map(pid, "gid_map");
        if (r >= 0)
                r = write_map(pid, "uid_map");
        if (r < 0)
                return r;
        (void) snprintf(path, sizeof(path), "/proc/%d/ns/user", (int) pid);
        return RET_ERRNO(open(path, O_RDONLY | O_CLOEXEC));
}

/* A user namespace that nobody is in any more; it lives by its descriptor. */
static int make_userns(void) {
        pid_t pid;
        int fd;

        pid = (pid_t) syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
        if (pid < 0)
                return -errno;
        if (pid == 0)
                for (;;)
                        (void) pause();
        fd = open_userns(pid);
        (void) kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return fd;
}

static int probe(const char *path) {
        _cleanup_close_ int tree = -EBADF, userns = -EBADF;
        struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP };

        tree = (int) syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0)
                return -errno;
        userns = make_userns();
        if (userns < 0)
                return userns;
        a.userns_fd = (uint64_t) userns;
        if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &a, sizeof(a)) >= 0)
                return 1;
        return errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -errno;
}

/* By mount, and not by device: btrfs has a device number for each subvolume, so each new guest would be tried. */
int guest_idmap_probe(const char *path) {
        struct statx sx;
        struct statfs fs;
        size_t slot;
        int r;

        if (statx(AT_FDCWD, path, 0, STATX_MNT_ID | STATX_MNT_ID_UNIQUE, &sx) < 0 || statfs(path, &fs) < 0)
                return -errno;
        if (!(sx.stx_mask & (STATX_MNT_ID | STATX_MNT_ID_UNIQUE)))
                return 0; /* older than Linux 5.8, and so than idmapped mounts */
        for (size_t i = 0; i < n_remembered; i++)
                if (remembered[i].mount == sx.stx_mnt_id && remembered[i].type == fs.f_type)
                        return remembered[i].answer;
        r = probe(path);
        if (r < 0)
                return r;
        slot = n_remembered < REMEMBERED_MAX ? n_remembered++ : sx.stx_mnt_id % REMEMBERED_MAX;
        remembered[slot].mount = sx.stx_mnt_id;
        remembered[slot].type = fs.f_type;
        remembered[slot].answer = r;
        return r;
}
