/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options and mount points. */
#include "mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/str.h"

static const struct MountOption {
        const char *name;
        unsigned long set;
        unsigned long clear;
} mount_options[] = {
        { "defaults", 0, 0 },
        { "rw", 0, MS_RDONLY },
        { "ro", MS_RDONLY, 0 },
        { "suid", 0, MS_NOSUID },
        { "nosuid", MS_NOSUID, 0 },
        { "dev", 0, MS_NODEV },
        { "nodev", MS_NODEV, 0 },
        { "exec", 0, MS_NOEXEC },
        { "noexec", MS_NOEXEC, 0 },
        { "async", 0, MS_SYNCHRONOUS },
        { "sync", MS_SYNCHRONOUS, 0 },
        { "dirsync", MS_DIRSYNC, 0 },
        { "mand", MS_MANDLOCK, 0 },
        { "nomand", 0, MS_MANDLOCK },
        { "atime", 0, MS_NOATIME },
        { "noatime", MS_NOATIME, 0 },
        { "diratime", 0, MS_NODIRATIME },
        { "nodiratime", MS_NODIRATIME, 0 },
        { "relatime", MS_RELATIME, 0 },
        { "norelatime", 0, MS_RELATIME },
        { "strictatime", MS_STRICTATIME, 0 },
        { "lazytime", MS_LAZYTIME, 0 },
        { "nolazytime", 0, MS_LAZYTIME },
};

static bool option_apply(const char *name, unsigned long *flags) {
        for (size_t i = 0; i < ELEMENTSOF(mount_options); i++)
                if (streq(mount_options[i].name, name)) {
                        *flags = (*flags | mount_options[i].set) & ~mount_options[i].clear;
                        return true;
                }
        return false;
}

int mount_options_parse(const char *options, unsigned long *ret_flags, char **ret_data) {
        _cleanup_strv_free_ Strv all = NULL, data = NULL;
        unsigned long flags = 0;
        int r;

        r = strv_split(options, ",", &all);
        if (r < 0)
                return r;
        STRV_FOREACH(option, all) {
                if (option_apply(*option, &flags))
                        continue;
                r = strv_extend(&data, *option);
                if (r < 0)
                        return r;
        }
        *ret_flags = flags;
        if (data)
                return strv_join(data, ",", ret_data);
        *ret_data = NULL;
        return 0;
}

int mount_is_point(const char *path) {
        struct statx st;

        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &st) < 0)
                return -errno;
        return (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

int mount_detach(const char *path) {
        int r;

        while ((r = mount_is_point(path)) > 0)
                if (umount2(path, UMOUNT_NOFOLLOW) < 0)
                        return -errno;
        return r == -ENOENT ? 0 : r;
}
