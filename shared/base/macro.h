/* SPDX-License-Identifier: Apache-2.0 */
/* Small macros that every file uses. Needs libc only. */
#pragma once

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
#define STRLEN(x) (sizeof("" x "") - 1)
#define MIN(a, b)                                                                                             \
        ({                                                                                                    \
                __typeof__(a) _min_a = (a);                                                                   \
                __typeof__(b) _min_b = (b);                                                                   \
                _min_a < _min_b ? _min_a : _min_b;                                                            \
        })
#define MAX(a, b)                                                                                             \
        ({                                                                                                    \
                __typeof__(a) _max_a = (a);                                                                   \
                __typeof__(b) _max_b = (b);                                                                   \
                _max_a > _max_b ? _max_a : _max_b;                                                            \
        })

#define USEC_PER_SEC ((uint64_t) 1000000)
#define USEC_PER_MSEC ((uint64_t) 1000)
#define NSEC_PER_USEC ((uint64_t) 1000)

#define printf_like(a, b) __attribute__((format(printf, a, b)))
#define nonnull_result __attribute__((returns_nonnull))

/* Evaluates to the errno-style error of a call that sets errno: RET_ERRNO(open(...)) is the fd or -errno. */
#define RET_ERRNO(call)                                                                                       \
        ({                                                                                                    \
                __typeof__(call) _ret = (call);                                                               \
                _ret < 0 ? (__typeof__(call)) -errno : _ret;                                                  \
        })

/* Sorts the n items at p, which may be NULL when there are none: qsort() itself may not be given NULL. */
#define SORT(p, n, compare)                                                                                   \
        ({                                                                                                    \
                size_t _sort_n = (n);                                                                         \
                if (_sort_n > 1)                                                                              \
                        qsort((p), _sort_n, sizeof(*(p)), (compare));                                         \
        })

/* Makes room for one more behind the n items of an array that grows by this alone: always to a power of two. false, with the
 * array as it was, when memory is short. */
#define ARRAY_GROW(items, n)                                                                                  \
        ({                                                                                                    \
                size_t _grow_n = (n);                                                                         \
                void *_grown = (items);                                                                       \
                if ((_grow_n & (_grow_n - 1)) == 0)                                                           \
                        _grown = reallocarray(_grown, _grow_n > 0 ? 2 * _grow_n : 1, sizeof(*(items)));       \
                if (_grown)                                                                                   \
                        (items) = _grown;                                                                     \
                _grown != NULL;                                                                               \
        })

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

/* Like streq(), but either side may be NULL; NULL equals only NULL. */
static inline bool streq_ptr(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool isempty(const char *s) {
        return !s || s[0] == '\0';
}

static inline const char *strempty(const char *s) {
        return s ?: "";
}

/* The rest of s after the prefix, or NULL when s does not begin with it. */
static inline const char *startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* The place in s where the suffix begins, or NULL when s does not end with it. */
static inline const char *endswith(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);

        return n >= m && strcmp(s + n - m, suffix) == 0 ? s + n - m : NULL;
}
