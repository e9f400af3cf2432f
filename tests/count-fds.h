/* SPDX-License-Identifier: Apache-2.0 */
/* How many descriptors the process has, for tests that none is left open. */
#pragma once

#include "base/file.h"

static inline size_t count_fds(void) {
        _cleanup_closedir_ DIR *d = opendir("/proc/self/fd");
        size_t n = 0;

        assert_non_null(d);
        while (readdir(d))
                n++;
        return n;
}
