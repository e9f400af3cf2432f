/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that run whole commands of the client, and image imports. */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"
#include "row.h"

extern char **environ;

static double run_command(const char *command) {
        char *words[16] = {}, *copy = strdup(command), *save = NULL;
        posix_spawn_file_actions_t actions;
        double start;
        size_t n = 0;
        int status;
        pid_t pid;

        for (char *word = strtok_r(copy, " ", &save); word && n < 15; word = strtok_r(NULL, " ", &save))
                words[n++] = word;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        start = now_ms();
        if (posix_spawnp(&pid, words[0], &actions, NULL, words, environ) != 0)
                errx(1, "cannot run %s", command);
        if (waitpid(pid, &status, 0) < 0 || status != 0)
                errx(1, "%s ended with status %d", command, WEXITSTATUS(status));
        start = now_ms() - start;
        posix_spawn_file_actions_destroy(&actions);
        free(copy);
        return start;
}

static double measure_command(Http *h, const char *command) {
        (void) h;
        return run_command(command);
}

/* The target is removed before, so that each push makes new files. */
static double measure_push(Http *h, const char *command) {
        (void) h;
        run_command("lxc exec bench -- rm -rf /tmp/push");
        run_command("lxc exec bench -- mkdir /tmp/push");
        return run_command(command);
}

static void forget_image(Http *h, const char *fingerprint) {
        char path[128];

        snprintf(path, sizeof(path), "/1.0/images/%s", fingerprint);
        api_run(h, "DELETE", path, NULL);
}

/* The same image is in the store already; each import is of a copy that differs, or the store would refuse it. argument: the
 * file. With "launch " before it, the first instance of it is started too. */
static double measure_import(Http *h, const char *argument) {
        const char *file = strncmp(argument, "launch ", 7) == 0 ? argument + 7 : argument;
        double start = now_ms(), end;
        const char *name = NULL;
        char *fingerprint = api_upload(h, "/1.0/images", "Content-Type: application/octet-stream\r\n", file);

        if (!fingerprint)
                errx(1, "the import told no fingerprint");
        if (file != argument) {
                name = fresh_name();
                api_run(h, "POST", "/1.0/instances",
                        "{\"name\":\"%s\",\"source\":{\"type\":\"image\",\"fingerprint\":\"%s\"}}", name, fingerprint);
                start_instance(h, name);
        }
        end = now_ms();
        if (name)
                delete_instance(h, name);
        forget_image(h, fingerprint);
        free(fingerprint);
        return end - start;
}

static double measure_import_split(Http *h, const char *command) {
        double elapsed;

        (void) h;
        elapsed = run_command(command);
        run_command("lxc image delete again");
        return elapsed;
}

const Row rows_command[] = {
        { "exec", measure_command, "lxc exec bench -- true" },
        { "list-command", measure_command, "lxc list" },
        { "push-1k", measure_push, "lxc file push -q /bench/1k bench/tmp/push/1k" },
        { "push-100m", measure_push, "lxc file push -q /bench/100m bench/tmp/push/100m" },
        { "push-1000", measure_push, "lxc file push -q -r /bench/many bench/tmp/push/" },
        { "import-tar", measure_import, "/bench/debian-again.tar.xz" },
        { "import-squashfs", measure_import_split,
          "lxc image import /bench/debian.meta.tar.xz /bench/debian.squashfs --alias again" },
        { "import-launch", measure_import, "launch /bench/debian-again.tar.xz" },
        {},
};
