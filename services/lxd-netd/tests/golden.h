/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing a text with a file below golden/; LXD_TEST_REGENERATE=1 rewrites the files. */
#pragma once

#include <stdio.h>

#include "base/file.h"
#include "base/str.h"

static inline void assert_golden(const char *name, const char *text) {
        _cleanup_free_ char *path = NULL, *expected = NULL;

        assert_int_equal(str_format(&path, "%s/%s", GOLDEN_DIR, name), 0);
        if (getenv("LXD_TEST_REGENERATE")) {
                assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
                return;
        }
        assert_int_equal(file_read(path, 1024 * 1024, &expected, NULL), 0);
        assert_string_equal(text, expected);
}
