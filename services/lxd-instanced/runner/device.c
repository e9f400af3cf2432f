/* SPDX-License-Identifier: Apache-2.0 */
/* Hot-plugged device nodes: made on the host with the guest's owner, allowed in the devices cgroup and mounted in place. */
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/str.h"
#include "mount.h"

typedef struct Node {
        const char *path;
        mode_t mode;
        dev_t device;
        uint32_t uid, gid; /* of the host */
} Node;

static int node_parse(const Guest *g, const GuestMessage *m, Node *ret) {
        uint64_t values[5];
        const char *const keys[] = { "mode", "major", "minor", "uid", "gid" };
        Node n = { .path = guest_message_get(m, "path") };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                r = guest_message_get_u64(m, keys[i], &values[i]);
                if (r < 0 || values[i] > UINT32_MAX)
                        return -EINVAL;
        }
        n.mode = (mode_t) values[0];
        n.device = makedev((unsigned) values[1], (unsigned) values[2]);
        if (isempty(n.path) || n.path[0] != '/' || !(S_ISCHR(n.mode) || S_ISBLK(n.mode)))
                return -EINVAL;
        r = guest_host_id(g, false, (uint32_t) values[3], &n.uid);
        if (r >= 0)
                r = guest_host_id(g, true, (uint32_t) values[4], &n.gid);
        if (r < 0)
                return r;
        *ret = n;
        return 0;
}

static int node_allow(const Guest *g, const Node *n, const char *file) {
        _cleanup_free_ char *rule = NULL;
        int r;

        r = str_format(&rule, "%c %u:%u rwm", S_ISCHR(n->mode) ? 'c' : 'b', major(n->device), minor(n->device));
        if (r < 0)
                return r;
        return g->lxc->set_cgroup_item(g->lxc, file, rule) ? 0 : -EIO;
}

/* A fresh node in the instance's run directory `dir`, and a detached mount of it. The name goes once the mount is in place. */
static int node_make(const Node *n, int dir, const char *name, int *ret_tree) {
        _cleanup_close_ int fd = -EBADF, tree = -EBADF;
        struct mount_attr a = { .attr_clr = MOUNT_ATTR_NODEV, .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                                .propagation = MS_PRIVATE };
        int r;

        if (mknodat(dir, name, n->mode & (S_IFMT | 0777), n->device) < 0)
                return -errno;
        if (fchownat(dir, name, n->uid, n->gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(dir, name, n->mode & 0777, 0) < 0)
                return -errno;
        fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        tree = mount_clone(fd, NULL, false);
        r = tree < 0 ? tree : mount_set(tree, false, &a); /* /run is nodev, the guest's copy must not be */
        if (r < 0)
                return r;
        *ret_tree = TAKE_FD(tree);
        return 0;
}

static int open_run_directory(const Guest *g) {
        _cleanup_free_ char *path = NULL;
        int r = guest_run_path(g->id, "", &path);

        return r < 0 ? r : RET_ERRNO(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

int request_device_add(Runner *r, GuestMessage *m, int connection) {
        _cleanup_close_ int tree = -EBADF, dir = open_run_directory(&r->guest);
        const char *step = "read the request for";
        char name[32];
        Node n = {};
        int q;

        (void) snprintf(name, sizeof(name), "device.%d", (int) getpid());
        q = node_parse(&r->guest, m, &n);
        if (q >= 0) {
                step = "make";
                q = dir < 0 ? dir : node_make(&n, dir, name, &tree);
        }
        if (q >= 0) {
                step = "allow";
                q = node_allow(&r->guest, &n, "devices.allow");
        }
        if (q >= 0) {
                step = "mount";
                q = mount_into_guest(&r->guest, tree, n.path);
        }
        (void) unlinkat(dir, name, 0);
        return request_answer(connection, q, "Failed to %s device \"%s\" in %s: %s", step, strempty(n.path),
                              r->guest.state.title, strerror(-q));
}

int request_device_remove(Runner *r, GuestMessage *m, int connection) {
        Node n = {};
        uint32_t uid;
        int q;

        q = node_parse(&r->guest, m, &n);
        if (q >= 0)
                q = guest_host_id(&r->guest, false, 0, &uid);
        if (q < 0)
                return request_answer(connection, q, "Not a device: \"%s\"", strempty(n.path));
        if (!guest_message_get(m, "shared"))
                (void) node_allow(&r->guest, &n, "devices.deny");
        q = guest_enter_mounts(&r->guest);
        if (q >= 0) {
                if (umount2(n.path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
                        q = errno == EINVAL || errno == ENOENT ? 0 : -errno;
                else {
                        /* The empty file it was mounted on, with no right but the guest's: its links may lead to anything by now. */
                        (void) setfsuid(uid);
                        (void) unlink(n.path);
                }
        }
        return request_answer(connection, q, "Failed to remove device \"%s\" from %s: %s", n.path,
                              r->guest.state.title, strerror(-q));
}
