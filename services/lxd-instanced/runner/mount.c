/* SPDX-License-Identifier: Apache-2.0 */
/* Hot-plugged mounts: a detached mount is made outside, with its id map, and moved to its place in the guest's mount namespace. */
#include <fcntl.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/str.h"
#include "capabilities.h"
#include "mount.h"

int mount_clone(int fd, const char *path, bool recursive) {
        int tree = (int) syscall(SYS_open_tree, fd >= 0 ? fd : AT_FDCWD, fd >= 0 ? "" : path,
                                 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (fd >= 0 ? AT_EMPTY_PATH : 0) |
                                 (recursive ? AT_RECURSIVE : 0));

        return tree < 0 ? -errno : tree;
}

int mount_set(int tree, bool recursive, struct mount_attr *attributes) {
        return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attributes,
                       sizeof(*attributes)) < 0 ? -errno : 0;
}

int guest_enter_mounts(const Guest *g) {
        _cleanup_close_ int fd = guest_state_open_namespace(&g->state, "mnt");

        if (fd < 0)
                return fd;
        /* The root of this process becomes the guest's: no link in it leads out from here on. */
        return setns(fd, CLONE_NEWNS) < 0 ? -errno : 0;
}

int guest_become_owner(const Guest *g) {
        uint32_t uid, gid;
        int r;

        r = guest_host_id(g, false, 0, &uid);
        if (r >= 0)
                r = guest_host_id(g, true, 0, &gid);
        if (r < 0)
                return r;
        /* What is made on the way belongs to the guest's root. */
        (void) setfsgid(gid);
        (void) setfsuid(uid);
        (void) umask(022);
        return capabilities_raise();
}

/* Opens `path` below the guest's root; what is missing of it is made, the last part as a directory or an empty file. */
int guest_make_target(const char *path, bool directory) {
        _cleanup_free_ char *copy = strdup(path);
        _cleanup_close_ int dir = -EBADF;
        char *position = copy, *part;

        if (!copy)
                return -ENOMEM;
        if (path[0] != '/')
                return -EINVAL;
        dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        while (dir >= 0 && (part = strsep(&position, "/"))) {
                bool last = !position || position[strspn(position, "/")] == '\0';
                int fd;

                if (isempty(part) || streq(part, "."))
                        continue;
                if (streq(part, ".."))
                        return -EINVAL;
                fd = open_resolve(dir, part, O_PATH, 0, RESOLVE_NO_MAGICLINKS);
                if (fd == -ENOENT) {
                        if (last && !directory)
                                fd = openat(dir, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
                        else
                                fd = mkdirat(dir, part, 0755) < 0 ? -1 : 0;
                        if (fd < 0)
                                return -errno;
                        if (last && !directory)
                                closep(&fd);
                        fd = open_resolve(dir, part, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
                }
                if (fd < 0)
                        return fd;
                closep(&dir);
                dir = fd;
                if (last)
                        break;
        }
        return dir < 0 ? -errno : TAKE_FD(dir);
}

int mount_move(int tree, int target) {
        return syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno : 0;
}

static uint64_t propagation_flag(const char *name) {
        if (name && name[0] == 'r' && !streq(name, "rbind"))
                name++;
        if (!name || streq(name, "private"))
                return MS_PRIVATE;
        if (streq(name, "shared"))
                return MS_SHARED;
        if (streq(name, "slave"))
                return MS_SLAVE;
        return streq(name, "unbindable") ? MS_UNBINDABLE : 0;
}

int mount_into_guest(const Guest *g, int tree, const char *target) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        if (fstatat(tree, "", &st, AT_EMPTY_PATH) < 0)
                return -errno;
        r = guest_become_owner(g); /* before: afterwards /proc is the guest's */
        if (r >= 0)
                r = guest_enter_mounts(g);
        if (r < 0)
                return r;
        fd = guest_make_target(target, S_ISDIR(st.st_mode));
        return fd < 0 ? fd : mount_move(tree, fd);
}

static int mount_prepare(const Guest *g, GuestMessage *m, bool recursive, int *ret_tree, const char **ret_step) {
        _cleanup_close_ int source = guest_message_take_fd(m, 0), tree = -EBADF, userns = -EBADF;
        struct mount_attr a = { .propagation = propagation_flag(guest_message_get(m, "propagation")) };
        int r;

        if (a.propagation == 0)
                return -EINVAL;
        *ret_step = "open the source";
        tree = mount_clone(source, strempty(guest_message_get(m, "source")), recursive);
        if (tree < 0)
                return tree;
        if (guest_message_get(m, "readonly"))
                a.attr_set |= MOUNT_ATTR_RDONLY;
        if (guest_message_get(m, "shift")) {
                userns = guest_state_open_namespace(&g->state, "user");
                if (userns < 0)
                        return userns;
                a.attr_set |= MOUNT_ATTR_IDMAP;
                a.userns_fd = (uint64_t) userns;
        }
        *ret_step = guest_message_get(m, "shift") ? "map the ids of the source" : "set the flags of the mount";
        r = mount_set(tree, recursive, &a);
        if (r < 0)
                return r == -EINVAL && a.attr_set & MOUNT_ATTR_IDMAP ? -EOPNOTSUPP : r;
        *ret_tree = TAKE_FD(tree);
        return 0;
}

int request_mount_add(Runner *r, GuestMessage *m, int connection) {
        _cleanup_close_ int tree = -EBADF;
        const char *target = guest_message_get(m, "target"), *step = "read the request";
        int q;

        if (isempty(target) || target[0] != '/')
                return request_answer(connection, -EINVAL, "Not a path in the instance: \"%s\"", strempty(target));
        q = mount_prepare(&r->guest, m, guest_message_get(m, "recursive"), &tree, &step);
        if (q == -ENOENT && guest_message_get(m, "optional"))
                return request_answer(connection, 0, NULL);
        if (q >= 0) {
                step = "mount it";
                q = mount_into_guest(&r->guest, tree, target);
        }
        return request_answer(connection, q, "Failed to %s for \"%s\" in %s: %s", step, target, r->guest.state.title,
                              strerror(-q));
}

int request_mount_remove(Runner *r, GuestMessage *m, int connection) {
        const char *target = guest_message_get(m, "target");
        int q;

        if (isempty(target) || target[0] != '/')
                return request_answer(connection, -EINVAL, "Not a path in the instance: \"%s\"", strempty(target));
        q = guest_enter_mounts(&r->guest);
        if (q >= 0 && umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
                q = errno == EINVAL || errno == ENOENT ? 0 : -errno; /* not mounted */
        return request_answer(connection, q, "Failed to unmount \"%s\" in %s: %s", target, r->guest.state.title,
                              strerror(-q));
}
