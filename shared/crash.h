/* SPDX-License-Identifier: Apache-2.0 */
/* Points at which tests kill the process, to see that the next start cleans up. Compiled in only with tests. */
#pragma once

#ifdef LXD_CRASH_POINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* LXD_CRASH_AT=<step>: dies there as by kill -9. */
static inline void crash_point(const char *step) {
        const char *wanted = getenv("LXD_CRASH_AT");

        if (wanted && strcmp(wanted, step) == 0)
                (void) kill(getpid(), SIGKILL);
}
#else
static inline void crash_point(const char *step) {
}
#endif
