/* SPDX-License-Identifier: Apache-2.0 */
/* Files appear whole or not at all: they get their name when everything is known to be right. */

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "crash.h"
#include "image-format.h"
#include "image-record.h"
#include "store.h"

#define NAME_LENGTH (FINGERPRINT_LENGTH + sizeof(".rootfs"))

static void rootfs_name(const char *fingerprint, char name[static NAME_LENGTH]) {
        (void) snprintf(name, NAME_LENGTH, "%s.rootfs", fingerprint);
}

int store_new_file(int images_fd) {
        return RET_ERRNO(openat(images_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
}

static int link_file(int images_fd, int fd, const char *name) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (linkat(AT_FDCWD, path, images_fd, name, AT_SYMLINK_FOLLOW) >= 0)
                return 0;
        if (errno != EEXIST)
                return -errno;
        if (unlinkat(images_fd, name, 0) < 0 && errno != ENOENT)
                return -errno;
        return RET_ERRNO(linkat(AT_FDCWD, path, images_fd, name, AT_SYMLINK_FOLLOW));
}

int store_publish(int images_fd, const char *fingerprint, int metadata_fd, int rootfs_fd) {
        char name[NAME_LENGTH];
        int r = link_file(images_fd, metadata_fd, fingerprint);

        rootfs_name(fingerprint, name);
        crash_point("store-first-name");
        if (r >= 0 && rootfs_fd >= 0)
                r = link_file(images_fd, rootfs_fd, name);
        if (r >= 0)
                r = RET_ERRNO(fsync(images_fd));
        if (r < 0)
                (void) store_remove(images_fd, fingerprint);
        return r;
}

int store_remove(int images_fd, const char *fingerprint) {
        char name[NAME_LENGTH];
        int r = 0;

        rootfs_name(fingerprint, name);
        if (unlinkat(images_fd, fingerprint, 0) < 0 && errno != ENOENT)
                r = -errno;
        crash_point("store-first-removed");
        if (unlinkat(images_fd, name, 0) < 0 && errno != ENOENT)
                r = -errno;
        return r;
}

bool store_has(int images_fd, const char *fingerprint, const char *format) {
        char name[NAME_LENGTH];

        rootfs_name(fingerprint, name);
        return faccessat(images_fd, fingerprint, F_OK, 0) >= 0 && (streq(format, "unified") || faccessat(images_fd, name, F_OK, 0) >= 0);
}

static int open_one(int images_fd, const char *name, sd_bus_error *error) {
        int fd = openat(images_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd >= 0)
                return fd;
        if (errno == ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "The file %s/images/%s of the image is gone; delete the image and import it again",
                                     LXD_STATE_DIR, name);
        return bus_error_set(error, LXD_ERROR_FAILED, "Failed to open %s/images/%s: %s", LXD_STATE_DIR, name, strerror(errno));
}

int store_open(int images_fd, const char *fingerprint, const char *format, int *ret_metadata, int *ret_rootfs, const char **ret_format, sd_bus_error *error) {
        _cleanup_close_ int metadata = -EBADF, rootfs = -EBADF;
        bool unified = streq(format, "unified");
        char name[NAME_LENGTH];

        rootfs_name(fingerprint, name);
        metadata = open_one(images_fd, fingerprint, error);
        if (metadata < 0)
                return metadata;
        rootfs = open_one(images_fd, unified ? fingerprint : name, error);
        if (rootfs < 0)
                return rootfs;
        *ret_format = unified ? "unified" : image_format_detect_fd(rootfs) == IMAGE_FORMAT_SQUASHFS ? "split-squashfs" : "split-tar";
        *ret_metadata = TAKE_FD(metadata);
        *ret_rootfs = TAKE_FD(rootfs);
        return 0;
}

int store_foreach(int images_fd, int (*callback)(const char *fingerprint, void *userdata), void *userdata) {
        _cleanup_closedir_ DIR *d = NULL;
        int fd = openat(images_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = 0;

        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                r = -errno;
                (void) close(fd);
                return r;
        }
        for (struct dirent *e = readdir(d); e && r == 0; e = readdir(d)) {
                char *rest = (char *) endswith(e->d_name, ".rootfs");

                if (rest)
                        *rest = '\0';
                if (hex_is_valid(e->d_name, FINGERPRINT_LENGTH))
                        r = callback(e->d_name, userdata);
        }
        return r;
}
