/* SPDX-License-Identifier: Apache-2.0 */
/* Why a step on the host failed: a bus error name and a text for the user. Needs libc only. */
#pragma once

#include "base/cleanup.h"

/* The names of shared/bus-error.h that a worker gives; repeated here so that the worker needs no libsystemd. */
#define HOST_ERROR_INVALID "org.lxd.Error.InvalidArgument"
#define HOST_ERROR_NOT_FOUND "org.lxd.Error.NotFound"
#define HOST_ERROR_EXISTS "org.lxd.Error.AlreadyExists"
#define HOST_ERROR_LOCKED "org.lxd.Error.Locked"
#define HOST_ERROR_NOT_SUPPORTED "org.lxd.Error.NotSupported"
#define HOST_ERROR_UNAVAILABLE "org.lxd.Error.Unavailable"
#define HOST_ERROR_FAILED "org.lxd.Error.Failed"

typedef struct HostError {
        char *name;
        char *text;
} HostError;

void host_error_done(HostError *e);

/* The step failed with errno r (< 0): text is the formatted step, ": " and the reason. Keeps an earlier error. Returns r. */
int host_error(HostError *e, int r, const char *format, ...) printf_like(3, 4);
/* The request is refused: name is one of HOST_ERROR_*, the text stands alone. Returns r (< 0). */
int host_refuse(HostError *e, int r, const char *name, const char *format, ...) printf_like(4, 5);

/* For steps that tidy up after a failure, or only look: gives an error that nobody reads, emptied for each use. Not to be kept. */
HostError *host_error_ignored(void);
