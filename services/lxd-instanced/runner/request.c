/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to requests, and the short ones of them: freezing, cgroup values. */
#include <fcntl.h>
#include <stdarg.h>

#include "base/str.h"
#include "bus-error.h"
#include "runner.h"

static const char *error_name(int r) {
        switch (-r) {
        case EINVAL:
        case EBADMSG:
                return LXD_ERROR_INVALID;
        case EACCES:
        case EPERM:
                return LXD_ERROR_FORBIDDEN;
        case ENOENT:
                return LXD_ERROR_NOT_FOUND;
        case EEXIST:
                return LXD_ERROR_EXISTS;
        case EBUSY:
                return LXD_ERROR_LOCKED;
        case EOPNOTSUPP:
                return LXD_ERROR_NOT_SUPPORTED;
        case ESRCH: /* the guest is ending, and its processes with it */
                return LXD_ERROR_UNAVAILABLE;
        default:
                return LXD_ERROR_FAILED;
        }
}

int request_answer(int connection, int r, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        if (r >= 0)
                return guest_message_send_ok(connection, NULL, 0) < 0;
        if (format) {
                va_start(ap, format);
                (void) str_vformat(&text, format, ap);
                va_end(ap);
        }
        (void) guest_message_send_error(connection, error_name(r), text ?: strerror(-r));
        return 1;
}

int request_freeze(Runner *r, GuestMessage *m, int connection) {
        if (guest_is_frozen(&r->guest) <= 0 && !r->guest.lxc->freeze(r->guest.lxc))
                return request_answer(connection, -EIO, "Failed to freeze the processes of %s", r->guest.state.title);
        return request_answer(connection, 0, NULL);
}

int request_unfreeze(Runner *r, GuestMessage *m, int connection) {
        if (guest_is_frozen(&r->guest) != 0 && !r->guest.lxc->unfreeze(r->guest.lxc))
                return request_answer(connection, -EIO, "Failed to unfreeze the processes of %s", r->guest.state.title);
        return request_answer(connection, 0, NULL);
}

/* Rules of devices are liblxc's: on v2 they are a program that it keeps. */
static int set_device_rule(const Guest *g, const char *file, const char *value) {
        return g->lxc->set_cgroup_item(g->lxc, file, value) ? 0 : -EINVAL;
}

static int set_cgroup_file(const Guest *g, const char *file, const char *value) {
        _cleanup_free_ char *controller = strndup(file, strcspn(file, ".")), *directory = NULL, *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!controller)
                return -ENOMEM;
        r = guest_state_cgroup(&g->state, streq(controller, "cgroup") ? "" : controller, &directory);
        if (r >= 0)
                r = str_format(&path, "%s/%s", directory, file);
        if (r < 0)
                return r;
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

/* v1 wants memory <= memory and swap at every moment: whichever of the two comes first takes the other along. */
static int set_limit(const Guest *g, const char *file, const char *value) {
        static const char *const pair[] = { "memory.limit_in_bytes", "memory.memsw.limit_in_bytes" };
        int r = set_cgroup_file(g, file, value);

        for (size_t i = 0; r == -EINVAL && i < ELEMENTSOF(pair); i++)
                if (streq(file, pair[i]) && set_cgroup_file(g, pair[1 - i], value) >= 0)
                        return set_cgroup_file(g, file, value);
        return r;
}

int request_cgroup_set(Runner *r, GuestMessage *m, int connection) {
        const char *file = guest_message_get(m, "file"), *value = guest_message_get(m, "value");
        int q;

        if (!file || !value || strchr(file, '/') || file[0] == '.' || !strchr(file, '.'))
                return request_answer(connection, -EINVAL, "Not the name of a cgroup file: \"%s\"", strempty(file));
        q = startswith(file, "devices.") ? set_device_rule(&r->guest, file, value) : set_limit(&r->guest, file, value);
        if (q == -ENOENT || q == -EOPNOTSUPP)
                return request_answer(connection, -EOPNOTSUPP, "This kernel has no cgroup file \"%s\" for %s", file,
                                      r->guest.state.title);
        return request_answer(connection, q, "The kernel does not take \"%s\" for cgroup file \"%s\" of %s: %s", value, file,
                              r->guest.state.title, strerror(-q));
}
