/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "modules.h"

#define WORDS_MAX 4096 /* of modprobe's complaint; more is an error of its own */

static bool is_loaded(const char *name) {
        _cleanup_free_ char *path = NULL;

        return str_format(&path, "/sys/module/%s", name) >= 0 && access(path, F_OK) >= 0;
}

/* What it says on stderr is read to its end, which comes with its end. */
static int run(Strv argv, char **ret_words) {
        _cleanup_close_ int reader = -EBADF, writer = -EBADF;
        posix_spawn_file_actions_t actions;
        int pair[2], r, status;
        size_t n;
        pid_t pid;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        reader = pair[0];
        writer = pair[1];
        (void) posix_spawn_file_actions_init(&actions);
        (void) posix_spawn_file_actions_adddup2(&actions, writer, STDERR_FILENO);
        r = -posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        if (r < 0)
                return r;
        writer = close_safe(writer);
        r = fd_read_all(reader, WORDS_MAX, ret_words, &n);
        reader = close_safe(reader);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (r < 0)
                return r;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ENOENT;
}

int modules_load(const char *list, char **ret_text) {
        _cleanup_strv_free_ Strv names = NULL, argv = NULL;
        _cleanup_free_ char *words = NULL;
        int r;

        r = strv_split(list, ", ", &names);
        if (r >= 0)
                r = strv_extend(&argv, "/sbin/modprobe");
        if (r >= 0)
                r = strv_extend(&argv, "-ab");
        if (r >= 0)
                r = strv_extend(&argv, "--");
        STRV_FOREACH(name, names)
                if (r >= 0 && !is_loaded(*name))
                        r = strv_extend(&argv, *name);
        if (r < 0 || strv_length(argv) == 3)
                return r;
        r = run(argv, &words);
        if (r >= 0)
                return 0;
        if (words)
                words[strcspn(words, "\n")] = 0;
        (void) str_format(ret_text, "Failed to load the modules of linux.kernel_modules: %s", isempty(words) ? strerror(-r) : words);
        return r;
}
