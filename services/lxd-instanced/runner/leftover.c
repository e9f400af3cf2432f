/* SPDX-License-Identifier: Apache-2.0 */
/* The profile, its compiled copy, the lock: liblxc names each by the path and the name of the container. */
#include "leftover.h"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include "base/file.h"
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

static void remove_lock(const char *path) {
        _cleanup_free_ char *directory = NULL;

        if (str_format(&directory, LOCKS "%s", path) >= 0)
                (void) remove_tree_at(AT_FDCWD, directory);
}

/* "lxc-NAME_<PATH>", with "-" for "/" in PATH, is what the compiled profile is called. */
static char *find_name(const char *path) {
        _cleanup_free_ char *pattern = NULL;
        char *name = NULL;
        glob_t found;

        if (str_format(&pattern, COMPILED "lxc-*_<%s>", path) < 0)
                return NULL;
        for (char *p = pattern + STRLEN(COMPILED); *p; p++)
                if (*p == '/')
                        *p = '-';
        if (glob(pattern, 0, NULL, &found) != 0)
                return NULL;
        if (found.gl_pathc > 0) {
                const char *file = strrchr(found.gl_pathv[0], '/') + 1 + STRLEN("lxc-");

                name = strndup(file, (size_t) (strrchr(file, '<') - file) - 1);
        }
        globfree(&found);
        return name;
}

void leftover_remove(uint64_t id, const char *name) {
        _cleanup_free_ char *path = NULL, *profile = NULL, *own = NULL;

        if (guest_run_path(id, "", &path) < 0)
                return;
        remove_lock(path);
        if (isempty(name))
                name = own = find_name(path);
        if (isempty(name) || str_format(&profile, "lxc-%s_<%s>", name, path) < 0)
                return;
        unload(profile);
        for (char *p = profile; *p; p++)
                if (*p == '/')
                        *p = '-'; /* what liblxc calls files and namespaces */
        remove_namespace(profile);
        remove_compiled(profile);
}
