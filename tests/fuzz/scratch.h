/* SPDX-License-Identifier: Apache-2.0 */
/* A scratch folder (in memory where there is /dev/shm) with the folder "target" in it, for what a fuzzed unpacker makes. */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"

typedef struct Scratch {
        char path[64];
        int fd, target;
} Scratch;

static inline Scratch scratch_new(void) {
        Scratch s;

        (void) snprintf(s.path, sizeof(s.path), "%s/lxd-unpack-XXXXXX", access("/dev/shm", W_OK) >= 0 ? "/dev/shm" : "/tmp");
        if (!mkdtemp(s.path) || (s.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || mkdirat(s.fd, "target", 0700) < 0 ||
            (s.target = openat(s.fd, "target", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
                abort();
        return s;
}

static inline void scratch_check_folder(int fd, const char *const *allowed) {
        _cleanup_closedir_ DIR *d = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

        if (!d)
                abort();
        for (struct dirent *e = readdir(d); e; e = readdir(d)) {
                bool known = streq(e->d_name, ".") || streq(e->d_name, "..");

                for (const char *const *a = allowed; *a; a++)
                        known = known || streq(e->d_name, *a);
                if (!known)
                        abort();
        }
}

/* Only "target" may be in the folder, and only what is allowed in the target; then all goes. */
static inline void scratch_check(Scratch *s, const char *const *allowed) {
        scratch_check_folder(s->fd, (const char *const[]) { "target", NULL });
        scratch_check_folder(s->target, allowed);
        (void) close(s->fd);
        (void) close(s->target);
        if (remove_tree_at(AT_FDCWD, s->path) < 0)
                abort();
}
