/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "binds.h"
#include "host.h"
#include "modules.h"
#include "runner.h"

#define TEXT_MAX (64 * 1024)

static int bind_disk(const char *path, const char *source, bool recursive, char **ret_text) {
        int r = bind_make(path, source, recursive);
        const char *name = strrchr(path, '/');

        if (r < 0)
                (void) str_format(ret_text, "Failed to start device \"%s\": cannot mount %s: %s", name ? name + STRLEN("/disk.") : path, source,
                                  strerror(-r));
        return r;
}

bool host_has(const char *option) {
        return streq(option, "modules") || startswith(option, "bind ") || startswith(option, "rbind ");
}

static int do_it(const char *option, const char *value, char **ret_text) {
        const char *path;

        if (streq(option, "modules"))
                return modules_load(value, ret_text);
        path = startswith(option, "bind ");
        return path ? bind_disk(path, value, false, ret_text) : bind_disk(startswith(option, "rbind "), value, true, ret_text);
}

/* What goes wrong it says on the pipe. */
static int child(const char *option, const char *value, int pipe) {
        _cleanup_free_ char *text = NULL;
        int r;

        child_reset_signals();
        r = do_it(option, value, &text);
        if (r < 0 && !text)
                (void) str_replace(&text, strerror(-r));
        if (r < 0 && text)
                (void) fd_write_all(pipe, text, strlen(text));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Until its end, which is that of the pipe. */
static int read_text(int pipe, guest_wait_t wait, void *userdata, char *text, size_t size) {
        size_t n = 0;

        for (;;) {
                ssize_t k;
                int r = wait(pipe, -1, userdata);

                if (r < 0)
                        return r;
                k = read(pipe, text + n, size - 1 - n);
                if (k < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (k == 0)
                        break;
                n += k > 0 ? (size_t) k : 0;
        }
        text[n] = '\0';
        return 0;
}

int host_do(const char *option, const char *value, guest_wait_t wait, void *userdata, char **ret_text) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        _cleanup_free_ char *text = malloc(TEXT_MAX);
        int pair[2], r, status;
        pid_t pid;

        if (!text || pipe2(pair, O_CLOEXEC) < 0)
                return text ? -errno : -ENOMEM;
        ours = pair[0];
        theirs = pair[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                _exit(child(option, value, theirs));
        theirs = close_safe(theirs);
        (void) fd_set_nonblock(ours, true);
        r = read_text(ours, wait, userdata, text, TEXT_MAX);
        if (r < 0) {
                (void) kill(pid, SIGKILL);
                return r;
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        (void) str_replace(ret_text, isempty(text) ? "The process that prepared the host was killed" : text);
        return -EIO;
}
