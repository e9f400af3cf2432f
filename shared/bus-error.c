/* SPDX-License-Identifier: Apache-2.0 */
/* The error table, registered with sd-bus so that names, errnos and texts survive the trip. */
#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "bus-error.h"

static const struct {
        const char *name;
        int error;
        unsigned http;
} errors[] = {
        { LXD_ERROR_INVALID, EINVAL, 400 },
        { LXD_ERROR_FORBIDDEN, EACCES, 403 },
        { LXD_ERROR_NOT_FOUND, ENOENT, 404 },
        { LXD_ERROR_EXISTS, EEXIST, 409 },
        { LXD_ERROR_PRECONDITION, ESTALE, 412 },
        { LXD_ERROR_LOCKED, EBUSY, 423 },
        { LXD_ERROR_NOT_SUPPORTED, EOPNOTSUPP, 501 },
        { LXD_ERROR_UNAVAILABLE, EHOSTDOWN, 503 },
        { LXD_ERROR_CANCELLED, ECANCELED, 400 },
        { LXD_ERROR_FAILED, EIO, 500 },
};

/* What sd-bus and the broker say by themselves when a call does not fit. */
static const struct {
        const char *name;
        unsigned http;
} foreign[] = {
        { SD_BUS_ERROR_UNKNOWN_OBJECT, 404 },
        { SD_BUS_ERROR_INVALID_ARGS, 400 },
        { SD_BUS_ERROR_ACCESS_DENIED, 403 },
        { SD_BUS_ERROR_NO_REPLY, 503 },
        { SD_BUS_ERROR_SERVICE_UNKNOWN, 503 },
        { SD_BUS_ERROR_DISCONNECTED, 503 },
};

static const sd_bus_error_map lxd_error_map[] = {
        SD_BUS_ERROR_MAP(LXD_ERROR_INVALID, EINVAL),
        SD_BUS_ERROR_MAP(LXD_ERROR_FORBIDDEN, EACCES),
        SD_BUS_ERROR_MAP(LXD_ERROR_NOT_FOUND, ENOENT),
        SD_BUS_ERROR_MAP(LXD_ERROR_EXISTS, EEXIST),
        SD_BUS_ERROR_MAP(LXD_ERROR_PRECONDITION, ESTALE),
        SD_BUS_ERROR_MAP(LXD_ERROR_LOCKED, EBUSY),
        SD_BUS_ERROR_MAP(LXD_ERROR_NOT_SUPPORTED, EOPNOTSUPP),
        SD_BUS_ERROR_MAP(LXD_ERROR_UNAVAILABLE, EHOSTDOWN),
        SD_BUS_ERROR_MAP(LXD_ERROR_CANCELLED, ECANCELED),
        SD_BUS_ERROR_MAP(LXD_ERROR_FAILED, EIO),
        SD_BUS_ERROR_MAP_END,
};

__attribute__((constructor)) static void register_errors(void) {
        (void) sd_bus_error_add_map(lxd_error_map);
}

int bus_error_set(sd_bus_error *e, const char *name, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        if (e)
                (void) sd_bus_error_set(e, name, text ?: "Out of memory");
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (streq(errors[i].name, name))
                        return -errors[i].error;
        return -EIO;
}

/* What to do about it, where strerror() leaves people alone with a word. */
static const char *reason(int error) {
        switch (error) {
        case ENOSPC:
                return "No space left on the file system of " LXD_STATE_DIR "; free some and try again";
        case EROFS:
                return "The file system is read-only (some become so after I/O errors; see the kernel log)";
        case EIO:
                return "Input/output error (see the kernel log)";
        case EUCLEAN:
                return "The database is damaged; \"lxd database check\" says which and \"lxd database restore\" puts a backup in its place";
        default:
                return strerror(error);
        }
}

int bus_error_ensure(sd_bus_error *e, int r) {
        if (e && !sd_bus_error_is_set(e))
                (void) sd_bus_error_set(e, bus_error_from_errno(r), reason(r < 0 ? -r : r));
        return r;
}

int bus_error_wrap(sd_bus_error *e, int r, const char *format, ...) {
        _cleanup_(sd_bus_error_free) sd_bus_error inner = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *text = NULL;
        va_list ap;

        if (!e)
                return r;
        bus_error_ensure(e, r);
        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        if (!text)
                return r;
        (void) sd_bus_error_move(&inner, e);
        (void) sd_bus_error_setf(e, inner.name, "%s: %s", text, inner.message);
        return r;
}

unsigned bus_error_http_status(const char *name) {
        for (size_t i = 0; name && i < ELEMENTSOF(errors); i++)
                if (streq(errors[i].name, name))
                        return errors[i].http;
        for (size_t i = 0; name && i < ELEMENTSOF(foreign); i++)
                if (streq(foreign[i].name, name))
                        return foreign[i].http;
        return 500;
}

const char *bus_error_from_errno(int r) {
        int error = r < 0 ? -r : r;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].error == error)
                        return errors[i].name;
        return LXD_ERROR_FAILED;
}
