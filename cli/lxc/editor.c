/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the user's editor on a temporary file. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/file.h"
#include "editor.h"
#include "fail.h"
#include "text.h"

#define EDIT_MAX (64U * 1024U * 1024U)

static void unlinkp(char **path) {
        if (*path) {
                (void) unlink(*path);
                free(*path);
        }
}

static int wait_for(pid_t pid, const char *what) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return fail(-errno, "Cannot wait for the editor: %m");
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return fail(-ECANCELED, "The editor \"%s\" failed, nothing was changed", what);
        return 0;
}

/* The variable may hold options ("code -w"): a shell takes it apart. */
static int spawn_editor(const char *path) {
        const char *editor = getenv("VISUAL");
        _cleanup_free_ char *line = NULL;
        pid_t pid;

        if (isempty(editor))
                editor = getenv("EDITOR");
        if (isempty(editor))
                editor = access("/usr/bin/editor", X_OK) >= 0 ? "/usr/bin/editor" : "vi";

        line = xformat("%s \"$1\"", editor);
        pid = fork();
        if (pid < 0)
                return fail(-errno, "Cannot start the editor: %m");
        if (pid == 0) {
                execl("/bin/sh", "sh", "-c", line, "sh", path, NULL);
                _exit(127);
        }
        return wait_for(pid, editor);
}

int editor_run(const char *text, size_t size, const char *suffix, char **ret, size_t *ret_size) {
        const char *dir = getenv("TMPDIR");
        _cleanup_(unlinkp) char *path = NULL;
        _cleanup_free_ char *template = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        template = xformat("%s/lxd_editor_XXXXXX%s", !isempty(dir) ? dir : "/tmp", suffix);
        fd = mkostemps(template, (int) strlen(suffix), O_CLOEXEC);
        if (fd < 0)
                return fail(-errno, "Cannot create a temporary file %s: %m", template);
        path = TAKE_PTR(template);

        r = fd_write_all(fd, text, size);
        if (r < 0)
                return fail(r, "Cannot write %s: %s", path, strerror(-r));
        r = spawn_editor(path);
        if (r < 0)
                return r;

        /* By name: editors like to write a new file and rename it. */
        r = file_read(path, EDIT_MAX, ret, ret_size);
        return r < 0 ? fail(r, "Cannot read %s: %s", path, strerror(-r)) : 0;
}

int editor_ask_again(int error) {
        int c;

        fprintf(stderr, "Config parsing error: %s\n", fail_text() ?: strerror(-error));
        fprintf(stderr, "Press enter to open the editor again or ctrl+c to abort change\n");
        do
                c = getchar();
        while (c != '\n' && c != EOF);

        if (c == EOF)
                return error;
        fail_clear();
        return 0;
}
