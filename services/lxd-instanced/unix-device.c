/* SPDX-License-Identifier: Apache-2.0 */
/* unix-char and unix-block: device nodes made for a guest, with the owner its id map gives. */
#include "unix-device.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "bus-error.h"
#include "device-config.h"

void unix_device_done(UnixDevice *u) {
        free(u->node);
        free(u->target);
        *u = (UnixDevice) {};
}

static int read_number(const Device *d, mode_t type, UnixDevice *u, sd_bus_error *error) {
        const char *source = config_get_or(&d->config, "source", config_get_or(&d->config, "path", ""));
        uint32_t major, minor;
        struct stat st;

        if (!isempty(config_get(&d->config, "major"))) {
                if (parse_u32(config_get(&d->config, "major"), &major) < 0 || parse_u32(config_get_or(&d->config, "minor", ""), &minor) < 0)
                        return -EINVAL;
                u->device = makedev(major, minor);
                return 1;
        }
        if (stat(source, &st) < 0) {
                if (!device_is_required(&d->config))
                        return 0;
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Required device \"%s\" is missing", source);
        }
        if ((st.st_mode & S_IFMT) != type)
                return bus_error_set(error, LXD_ERROR_INVALID, "\"%s\" is not a %s device", source,
                                     type == S_IFCHR ? "character" : "block");
        u->device = st.st_rdev;
        return 1;
}

int unix_device_read(const Device *d, UnixDevice *ret, sd_bus_error *error) {
        _cleanup_(unix_device_done) UnixDevice u = {};
        DeviceKind kind = device_kind(&d->config);
        mode_t type = kind == DEVICE_UNIX_CHAR ? S_IFCHR : S_IFBLK;
        unsigned mode = 0660;
        int r;

        if (kind != DEVICE_UNIX_CHAR && kind != DEVICE_UNIX_BLOCK)
                return 0;
        r = read_number(d, type, &u, error);
        if (r <= 0)
                return r;
        if (!isempty(config_get(&d->config, "mode")) && parse_mode(config_get(&d->config, "mode"), &mode) < 0)
                return -EINVAL;
        if (!isempty(config_get(&d->config, "uid")) && parse_u32(config_get(&d->config, "uid"), &u.uid) < 0)
                return -EINVAL;
        if (!isempty(config_get(&d->config, "gid")) && parse_u32(config_get(&d->config, "gid"), &u.gid) < 0)
                return -EINVAL;
        u.mode = type | mode;
        r = str_replace(&u.target, config_get_or(&d->config, "path", config_get_or(&d->config, "source", "")));
        if (r < 0)
                return r;

        *ret = u;
        u = (UnixDevice) {};
        return 1;
}

int unix_device_make(const char *dir, const Device *d, const Idmap *idmap, UnixDevice *ret, sd_bus_error *error) {
        _cleanup_(unix_device_done) UnixDevice u = {};
        _cleanup_free_ char *path = NULL;
        uint32_t uid, gid;
        int r;

        r = unix_device_read(d, &u, error);
        if (r <= 0)
                return r;
        uid = u.uid;
        gid = u.gid;
        if (idmap && (!idmap_to_host(idmap, false, u.uid, &uid) || !idmap_to_host(idmap, true, u.gid, &gid)))
                return bus_error_set(error, LXD_ERROR_INVALID, "Owner %u:%u is not in the id map of the instance", u.uid, u.gid);

        r = str_format(&path, "%s/unix.%s", dir, d->name);
        if (r < 0)
                return r;

        (void) unlink(path);
        if (mknod(path, u.mode, u.device) < 0 || chmod(path, u.mode & 07777) < 0 || chown(path, uid, gid) < 0) {
                r = -errno;
                (void) unlink(path);
                return bus_error_set(error, LXD_ERROR_FAILED, "Cannot make node %u:%u: %s", major(u.device), minor(u.device),
                                     strerror(-r));
        }

        u.node = TAKE_PTR(path);
        *ret = u;
        u = (UnixDevice) {};
        return 1;
}
