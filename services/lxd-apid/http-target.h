/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the request target of an HTTP request: its path taken apart at the slashes, and its query parameters. */
#pragma once

#include "base/str.h"

#define TARGET_SEGMENTS_MAX 16
#define TARGET_PARAMETERS_MAX 32

typedef struct TargetParameter {
        char *name;
        char *value;
} TargetParameter;

/* Everything is percent-decoded, valid UTF-8, free of NUL and control characters. A zeroed Target is the empty one. */
typedef struct Target {
        char *text; /* owns the strings below */
        char *segments[TARGET_SEGMENTS_MAX];
        size_t n_segments;
        TargetParameter parameters[TARGET_PARAMETERS_MAX];
        size_t n_parameters;
} Target;

/* Takes "/1.0/instances/a%20b?project=p" apart. The path is split before it is decoded, so that an encoded slash stays inside
 * its segment; "/" alone has no segments. 0; -EINVAL: not an absolute path, a broken or forbidden (%00) escape, bytes that are
 * not UTF-8, control characters; -E2BIG: too many segments or parameters; -ENOMEM. *ret is empty on failure. */
int target_parse(const char *uri, Target *ret);
void target_done(Target *t);

/* The first parameter of that name, or NULL when there is none. */
const char *target_parameter(const Target *t, const char *name);
