/* SPDX-License-Identifier: Apache-2.0 */
/* Dying at a named step, or telling which steps come. */
#include "crash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"

#define STEP_MAX 128
#define STEPS_MAX 256

typedef struct Step {
        char name[STEP_MAX];
        unsigned reached;
} Step;

static Step steps[STEPS_MAX];
static int fifo_fd = -1;
static struct stat fifo_opened;

/* How often this process came here, this time included. More steps than there is room for all count as the first. */
static unsigned count(const char *step) {
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                if (!steps[i].name[0])
                        (void) snprintf(steps[i].name, sizeof(steps[i].name), "%s", step);
                if (strcmp(steps[i].name, step) == 0)
                        return ++steps[i].reached;
        }
        return 1;
}

/* liblxc's monitor, a fork of the runner, closes what it does not know. */
static int fifo_is_open(void) {
        struct stat st;

        return fifo_fd >= 0 && fstat(fifo_fd, &st) >= 0 && st.st_dev == fifo_opened.st_dev && st.st_ino == fifo_opened.st_ino;
}

/* Opened at the first step and kept, because a worker confines itself later on. */
static int fifo(const char *path) {
        if (!fifo_is_open()) {
                fifo_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
                if (fifo_fd >= 0)
                        (void) fstat(fifo_fd, &fifo_opened);
        }
        return fifo_fd;
}

void crash_forget(void) {
        for (size_t i = 0; i < ELEMENTSOF(steps) && steps[i].name[0]; i++)
                steps[i] = (Step) {};
        if (fifo_is_open())
                (void) close(fifo_fd);
        fifo_fd = -1;
}

static int is_wanted(const char *wanted, const char *step, unsigned n) {
        const char *program = program_invocation_short_name;
        const char *mark = strrchr(wanted, '#');
        size_t length = mark ? (size_t) (mark - wanted) : strlen(wanted), prefix = strlen(program);

        if (mark && strtoul(mark + 1, NULL, 10) != n)
                return 0;
        if (strncmp(wanted, program, prefix) == 0 && wanted[prefix] == '/') {
                wanted += prefix + 1;
                length -= prefix + 1;
        }
        return strlen(step) == length && strncmp(wanted, step, length) == 0;
}

void crash_reached(const char *kind, const char *name) {
        const char *wanted = getenv("LXD_CRASH_AT"), *path = getenv("LXD_CRASH_FIFO");
        char step[STEP_MAX], line[2 * STEP_MAX], byte;
        unsigned n;

        if (!wanted && !path)
                return;
        if (path)
                (void) fifo(path);
        (void) snprintf(step, sizeof(step), "%s%s%s", kind ? kind : "", kind ? "/" : "", name);
        n = count(step);
        if (!wanted) {
                int length = snprintf(line, sizeof(line), "%s/%s#%u\n", program_invocation_short_name, step, n);

                if (write(fifo(path), line, (size_t) length) < 0)
                        (void) fprintf(stderr, "LXD_CRASH_FIFO: no room for %s", line);
        } else if (is_wanted(wanted, step, n) && (!path || read(fifo(path), &byte, 1) == 1)) {
                (void) kill(getpid(), SIGKILL);
                __builtin_trap(); /* a worker that is confined may not even kill itself */
        }
}
