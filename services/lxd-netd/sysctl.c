/* SPDX-License-Identifier: Apache-2.0 */
/* Settings below /proc/sys/net. */
#include "sysctl.h"

#include <fcntl.h>
#include <netinet/in.h>

#include "base/file.h"
#include "base/str.h"

int sysctl_write(const char *path, const char *value) {
        _cleanup_free_ char *full = NULL, *old = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = str_format(&full, "/proc/sys/net/%s", path);
        if (r < 0)
                return r;
        r = file_read(full, 4096, &old, NULL);
        if (r == -ENOENT)
                return 0;
        if (r >= 0) {
                old[strcspn(old, "\n")] = '\0';
                if (streq(old, value))
                        return 0;
        }
        fd = open(full, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fd_write_all(fd, value, strlen(value));
}

int sysctl_write_interface(const char *family, const char *interface, const char *key, const char *value) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = str_format(&path, "%s/conf/%s/%s", family, interface, key);
        return r < 0 ? r : sysctl_write(path, value);
}

/* A router ignores router advertisements unless accept_ra is 2: without this the host would lose its own default route. */
static int keep_router_advertisements(void) {
        _cleanup_closedir_ DIR *d = opendir("/proc/sys/net/ipv6/conf");
        struct dirent *e;

        if (!d)
                return errno == ENOENT ? 0 : -errno;
        while ((e = readdir(d))) {
                _cleanup_free_ char *path = NULL, *value = NULL;
                int r;

                if (e->d_name[0] == '.')
                        continue;
                r = str_format(&path, "/proc/sys/net/ipv6/conf/%s/accept_ra", e->d_name);
                if (r < 0)
                        return r;
                if (file_read(path, 64, &value, NULL) < 0 || !startswith(value, "1"))
                        continue;
                r = sysctl_write_interface("ipv6", e->d_name, "accept_ra", "2");
                if (r < 0)
                        return r;
        }
        return 0;
}

int sysctl_forward(int family) {
        _cleanup_free_ char *value = NULL;
        int r;

        if (family == AF_INET)
                return sysctl_write("ipv4/ip_forward", "1");
        r = file_read("/proc/sys/net/ipv6/conf/all/forwarding", 64, &value, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (startswith(value, "1"))
                return 0;
        r = keep_router_advertisements();
        return r < 0 ? r : sysctl_write("ipv6/conf/all/forwarding", "1");
}
