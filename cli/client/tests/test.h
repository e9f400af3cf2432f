/* SPDX-License-Identifier: Apache-2.0 */
/* What unit tests of the command line tools include first. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Ours is another one (fail.h). */
#undef fail

/* Compares with the file tests/golden/NAME; LXD_TEST_REGENERATE=1 writes it instead. */
static inline void assert_golden(const char *dir, const char *name, const char *text) {
        char path[4096], *expected;
        FILE *f;
        long n;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        if (getenv("LXD_TEST_REGENERATE")) {
                f = fopen(path, "we");
                assert_non_null(f);
                fputs(text, f);
                fclose(f);
                return;
        }

        f = fopen(path, "re");
        if (!f)
                print_error("%s is missing\n", path);
        assert_non_null(f);
        fseek(f, 0, SEEK_END);
        n = ftell(f);
        rewind(f);
        expected = calloc(1, (size_t) n + 1);
        assert_int_equal(fread(expected, 1, (size_t) n, f), n);
        fclose(f);
        assert_string_equal(text, expected);
        free(expected);
}
