/* SPDX-License-Identifier: Apache-2.0 */
/* Running another program: stdin and stdout are /dev/null, stderr is kept for the error text. */
#include "command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/str.h"

#define COMMAND_STDERR_MAX 4096

static int command_spawn(char *const *argv, int stderr_fd, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        char *const environment[] = {
                (char *) "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                (char *) "LANG=C.UTF-8",
                NULL,
        };
        int r;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, stderr_fd, 2);
        if (r == 0)
                r = posix_spawnp(ret, argv[0], &actions, NULL, argv, environment);
        (void) posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* Reads to EOF, keeps the first bytes as one line. */
static void command_read(int fd, char text[static COMMAND_STDERR_MAX]) {
        size_t size = 0;
        char buffer[512];
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer))) > 0 || (n < 0 && errno == EINTR))
                for (ssize_t i = 0; i < n && size < COMMAND_STDERR_MAX - 1; i++)
                        text[size++] = (unsigned char) buffer[i] < ' ' ? ' ' : buffer[i];
        while (size > 0 && text[size - 1] == ' ')
                size--;
        text[size] = '\0';
}

int command_run(char *const *argv, const char *step, HostError *e) {
        _cleanup_close_ int from = -EBADF, to = -EBADF;
        char text[COMMAND_STDERR_MAX];
        int fds[2], status, r;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return host_error(e, -errno, "%s", step);
        from = fds[0];
        to = fds[1];
        r = command_spawn(argv, to, &pid);
        if (r == -ENOENT)
                return host_refuse(e, r, HOST_ERROR_UNAVAILABLE,
                                   "%s: the program \"%s\" is missing; please install it", step, argv[0]);
        if (r < 0)
                return host_error(e, r, "%s: %s", step, argv[0]);
        to = close_safe(to);
        command_read(from, text);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return host_error(e, -errno, "%s: %s", step, argv[0]);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        return host_refuse(e, -EIO, HOST_ERROR_FAILED, "%s: %s failed: %s", step, argv[0],
                           text[0] ? text : "no reason given");
}
