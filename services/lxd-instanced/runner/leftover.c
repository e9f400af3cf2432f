/* SPDX-License-Identifier: Apache-2.0 */
/* The profile, its compiled copy, the lock: liblxc names each by the path and the name of the container. */
#include "leftover.h"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include "base/str.h"
#include "guest-state.h"

#define REMOVE "/sys/kernel/security/apparmor/.remove"
#define NAMESPACES "/sys/kernel/security/apparmor/policy/namespaces/"
#define COMPILED "/var/cache/lxc/apparmor/*/"
#define LOCKS "/run/lxc/lock"

static void unload(const char *profile) {
        _cleanup_close_ int fd = open(REMOVE, O_WRONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return; /* no AppArmor here */
        n = write(fd, profile, strlen(profile)); /* ENOENT: it is not loaded */
        (void) n;
}

/* The guest's own namespace of profiles goes with those that it loaded. */
static void remove_namespace(const char *file) {
        _cleanup_free_ char *path = NULL;

        if (str_format(&path, NAMESPACES "%s", file) >= 0)
                (void) rmdir(path);
}

static void remove_compiled(const char *file) {
        _cleanup_free_ char *pattern = NULL;
        glob_t found;

        if (str_format(&pattern, COMPILED "%s", file) < 0)
                return;
        if (glob(pattern, 0, NULL, &found) != 0)
                return;
        for (size_t i = 0; i < found.gl_pathc; i++)
                (void) unlink(found.gl_pathv[i]);
        globfree(&found);
}

static void remove_lock(const char *path, const char *name) {
        _cleanup_free_ char *directory = NULL, *lock = NULL;

        if (str_format(&directory, LOCKS "%s", path) < 0 || str_format(&lock, "%s/.%s", directory, name) < 0)
                return;
        (void) unlink(lock);
        (void) rmdir(directory);
}

void leftover_remove(uint64_t id, const char *name) {
        _cleanup_free_ char *path = NULL, *profile = NULL;

        if (isempty(name) || guest_run_path(id, "", &path) < 0 || str_format(&profile, "lxc-%s_<%s>", name, path) < 0)
                return;
        unload(profile);
        for (char *p = profile; *p; p++)
                if (*p == '/')
                        *p = '-'; /* what liblxc calls files and namespaces */
        remove_namespace(profile);
        remove_compiled(profile);
        remove_lock(path, name);
}
