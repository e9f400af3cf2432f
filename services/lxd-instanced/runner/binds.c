/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of the guest's devices becomes a private mount first. So the binds propagate into no other mount namespace, where nobody would take
 * them away again, and all go together. */
#include "binds.h"

#include <inttypes.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

static int make_private(const char *dir) {
        if (mount(NULL, dir, NULL, MS_PRIVATE, NULL) >= 0)
                return 0; /* for the disk before this one */
        if (mount(dir, dir, NULL, MS_BIND, NULL) < 0 || mount(NULL, dir, NULL, MS_PRIVATE, NULL) < 0)
                return -errno;
        return 0;
}

int bind_make(const char *path, const char *source, bool recursive) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *dir = strndup(path, slash ? (size_t) (slash - path) : 0);
        int r = dir ? make_private(dir) : -ENOMEM;

        return r < 0 ? r : RET_ERRNO(mount(source, path, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL));
}

void binds_undo(uint64_t id, bool guest_runs) {
        _cleanup_free_ char *dir = NULL;

        if (str_format(&dir, LXD_STATE_DIR "/devices/%" PRIu64, id) < 0)
                return;
        /* A bind of a shared mount is its peer: what is unmounted in the one is unmounted in the other, the host's own. So it leaves first. */
        while (mount(NULL, dir, NULL, MS_REC | MS_SLAVE, NULL) >= 0 && umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW) >= 0)
                ;
        /* Daemons that have started meanwhile have copies, out of reach below their own mounts. They go with what they are mounted on. */
        (void) remove_flat(dir, guest_runs ? "disk." : NULL);
}
