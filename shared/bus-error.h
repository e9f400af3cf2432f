/* SPDX-License-Identifier: Apache-2.0 */
/* The closed set of errors: one bus name, one errno and one HTTP status each. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/macro.h"

#define LXD_ERROR_INVALID "org.lxd.Error.InvalidArgument"         /* EINVAL, 400 */
#define LXD_ERROR_FORBIDDEN "org.lxd.Error.NotAuthorized"         /* EACCES, 403 */
#define LXD_ERROR_NOT_FOUND "org.lxd.Error.NotFound"              /* ENOENT, 404 */
#define LXD_ERROR_EXISTS "org.lxd.Error.AlreadyExists"            /* EEXIST, 409 */
#define LXD_ERROR_PRECONDITION "org.lxd.Error.PreconditionFailed" /* ESTALE, 412 */
#define LXD_ERROR_LOCKED "org.lxd.Error.Locked"                   /* EBUSY, 423 */
#define LXD_ERROR_NOT_SUPPORTED "org.lxd.Error.NotSupported"      /* EOPNOTSUPP, 501 */
#define LXD_ERROR_UNAVAILABLE "org.lxd.Error.Unavailable"         /* EHOSTDOWN, 503 */
#define LXD_ERROR_CANCELLED "org.lxd.Error.Cancelled"             /* ECANCELED, 400 */
#define LXD_ERROR_FAILED "org.lxd.Error.Failed"                   /* EIO, 500 */

/* Sets e to one of the names above with a formatted text and returns its negative errno, also when e is NULL. */
int bus_error_set(sd_bus_error *e, const char *name, const char *format, ...) printf_like(3, 4);
/* Keeps name, puts "text: " in front of the message; for callers that add context. r is what the callee returned (<0);
 * when e is not set yet it is set from r. Returns r. */
int bus_error_wrap(sd_bus_error *e, int r, const char *format, ...) printf_like(3, 4);
/* Makes sure e is set: from r (strerror text) if it is not. Returns r. */
int bus_error_ensure(sd_bus_error *e, int r);
/* HTTP status of an error name (500 for unknown ones, 404 for UnknownObject). */
unsigned bus_error_http_status(const char *name);
/* Bus error name for a negative or positive errno; LXD_ERROR_FAILED if there is no closer one. */
const char *bus_error_from_errno(int r);
