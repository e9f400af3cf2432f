/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup attributes: every local that owns something has one. libsystemd brings its own (sd_bus_unrefp, ...). */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void freep(void *p) {
        free(*(void **) p);
}

/* Closes fd if it is one and returns -EBADF, so that "fd = close_safe(fd)" leaves nothing behind. Keeps errno. */
static inline int close_safe(int fd) {
        int saved = errno;

        if (fd >= 0)
                (void) close(fd);
        errno = saved;
        return -EBADF;
}

static inline void closep(int *fd) {
        *fd = close_safe(*fd);
}

static inline void fclosep(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

static inline void closedirp(DIR **d) {
        if (*d)
                (void) closedir(*d);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)
#define _cleanup_closedir_ _cleanup_(closedirp)

#define TAKE_PTR(p)                                                                                           \
        ({                                                                                                    \
                __typeof__(p) _taken = (p);                                                                   \
                (p) = NULL;                                                                                   \
                _taken;                                                                                       \
        })
#define TAKE_FD(fd)                                                                                           \
        ({                                                                                                    \
                int _taken = (fd);                                                                            \
                (fd) = -EBADF;                                                                                \
                _taken;                                                                                       \
        })

/* Defines a cleanup function foo_freep for a foo_free() that takes the pointer and accepts NULL. */
#define DEFINE_CLEANUP(type, func)                                                                            \
        static inline void func##p(type **p) {                                                                \
                if (*p)                                                                                       \
                        func(*p);                                                                             \
        }
