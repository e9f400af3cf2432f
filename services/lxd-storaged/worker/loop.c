/* SPDX-License-Identifier: Apache-2.0 */
/* Loop devices by ioctl, see loop(4). */
#include "loop.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/str.h"

#define LOOP_RETRIES 64 /* others take the free device between asking and taking */

static int loop_open(unsigned index, char **ret_path) {
        _cleanup_free_ char *path = NULL;
        int fd, r;

        r = str_format(&path, "/dev/loop%u", index);
        if (r < 0)
                return r;
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret_path = TAKE_PTR(path);
        return fd;
}

/* The device that has the file already, for instance when a mount in some other namespace still holds it: a second
 * one for the same btrfs would corrupt it. fd, -ENOENT. */
static int loop_find(const struct stat *file, char **ret_path) {
        _cleanup_closedir_ DIR *dir = opendir("/sys/block");
        struct dirent *entry;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir))) {
                _cleanup_free_ char *path = NULL;
                _cleanup_close_ int fd = -EBADF;
                struct loop_info64 info;
                unsigned index;

                if (sscanf(entry->d_name, "loop%u", &index) != 1)
                        continue;
                fd = loop_open(index, &path);
                if (fd < 0 || ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
                        continue;
                if (info.lo_inode == file->st_ino && info.lo_device == file->st_dev) {
                        *ret_path = TAKE_PTR(path);
                        return TAKE_FD(fd);
                }
        }
        return -ENOENT;
}

static int loop_configure(int fd, int file_fd) {
        struct loop_config config = {
                .fd = file_fd,
                .info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO,
        };

        if (ioctl(fd, LOOP_CONFIGURE, &config) >= 0)
                return 0;
        if (errno != EINVAL)
                return -errno;
        config.info.lo_flags &= ~LO_FLAGS_DIRECT_IO; /* not every file system can */
        return ioctl(fd, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
}

int loop_attach(int file_fd, char **ret_path) {
        _cleanup_close_ int control = -EBADF;
        struct stat st;
        int fd, r;

        if (fstat(file_fd, &st) < 0)
                return -errno;
        fd = loop_find(&st, ret_path);
        if (fd >= 0)
                return fd;

        control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        if (control < 0)
                return -errno;
        for (unsigned i = 0; i < LOOP_RETRIES; i++) {
                _cleanup_free_ char *path = NULL;
                int index = ioctl(control, LOOP_CTL_GET_FREE);

                if (index < 0)
                        return -errno;
                fd = loop_open(index, &path);
                if (fd < 0)
                        return fd;
                r = loop_configure(fd, file_fd);
                if (r >= 0) {
                        *ret_path = TAKE_PTR(path);
                        return fd;
                }
                close_safe(fd);
                if (r != -EBUSY)
                        return r;
        }
        return -EBUSY;
}
