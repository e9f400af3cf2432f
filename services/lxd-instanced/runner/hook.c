/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "crash.h"
#include "guest-call.h"
#include "guest-state.h"
#include "hook.h"

#define SHELL "/bin/sh"
#define SHELL_EXEC "exec " /* what liblxc puts before a hook's command */
#define SHELL_ARGUMENTS_MAX 8U

static char *command;        /* as the shell gets it */
static uint64_t command_id;

const char *hook_command(uint64_t id) {
        free(command);
        command_id = id;
        if (str_format(&command, SHELL_EXEC "%s hook %" PRIu64, getenv("LXD_CONTAINER_RUNNER") ?: LXD_LIBEXEC_DIR "/lxd-container-runner", id) < 0)
                command = NULL;
        return command ? command + STRLEN(SHELL_EXEC) : NULL;
}

static void leave(uint64_t id, const char *file, const char *text) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (guest_run_path(id, file, &path) >= 0)
                fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
                (void) fd_write_all(fd, text, strlen(text));
}

static int open_namespace(const char *pid) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
        return RET_ERRNO(open(path, O_RDONLY | O_CLOEXEC));
}

/* The guest's namespaces are there, its init is not: has lxd-instanced make the interfaces right in its network namespace. Failing gives up the start. */
static int start_host(uint64_t id) {
        _cleanup_guest_caller_ GuestCaller caller = GUEST_CALLER(.id = id);
        _cleanup_close_ int netns = open_namespace(getenv("LXC_PID") ?: "");
        int r = netns < 0 ? netns : guest_call_connect(&caller, netns);

        crash_point("hook-connected");
        if (r < 0)
                leave(id, HOOK_REFUSAL_FILE, caller.text ?: strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Failing on a reboot keeps liblxc from starting the guest again behind our back. */
static int post_stop(uint64_t id) {
        const char *target = getenv("LXC_TARGET") ?: "";

        leave(id, HOOK_TARGET_FILE, target);
        return streq(target, "reboot") ? EXIT_FAILURE : EXIT_SUCCESS;
}

int hook_run(uint64_t id) {
        const char *type = getenv("LXC_HOOK_TYPE") ?: "";

        if (streq(type, "start-host"))
                return start_host(id);
        if (streq(type, "post-stop"))
                return post_stop(id);
        (void) fprintf(stderr, "There is no hook \"%s\" here.\n", type);
        return EXIT_FAILURE;
}

/* Takes the place of libc's function for liblxc too, which runs "sh -c COMMAND" in a child of its own for each hook: for two programs that are loaded
 * there would be half of what the hook costs, several times over. Another liblxc that does otherwise has the shell do it. */
__attribute__((visibility("default"))) int execl(const char *path, const char *first, ...) {
        const char *argv[SHELL_ARGUMENTS_MAX + 1] = { first };
        size_t n = 0;
        va_list ap;

        va_start(ap, first);
        while (argv[n] && n < SHELL_ARGUMENTS_MAX)
                argv[++n] = va_arg(ap, const char *);
        va_end(ap);
        if (n >= SHELL_ARGUMENTS_MAX) {
                errno = E2BIG;
                return -1;
        }
        if (command && n == 3 && streq(path, SHELL) && streq(argv[2], command))
                _exit(hook_run(command_id));
        return execv(path, (char *const *) argv);
}
