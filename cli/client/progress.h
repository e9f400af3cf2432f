/* SPDX-License-Identifier: Apache-2.0 */
/* The one line on a terminal that tells how far long work is. */
#pragma once

#include "base/macro.h"

typedef struct Progress {
        const char *prefix;             /* "Retrieving image", or NULL */
        size_t shown;                   /* columns on the line now */
        uint64_t last;                  /* µs, when it was last drawn */
        bool enabled;                   /* stdout is a terminal and --quiet was not given */
} Progress;

void progress_init(Progress *p, bool quiet, const char *prefix);

/* Shows a text; too frequent calls are dropped. */
void progress_update(Progress *p, const char *text);

/* Shows bytes of a total (0: unknown) as percentage and speed since 'started' (µs, monotonic). */
void progress_bytes(Progress *p, uint64_t done, uint64_t total, uint64_t started);

/* Clears the line. */
void progress_done(Progress *p);
