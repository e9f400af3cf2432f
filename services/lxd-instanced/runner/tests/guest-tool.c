/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a runner with the daemon's own client code, for tests: guest-tool ID VERB [ARG...]; exit status of exec is the command's.
 *   exec [--pty WxH] [--uid N] [--gid N] [--cwd DIR] [--env K=V] [--input TEXT] [--no-wait] [--] CMD...
 *   storm CLIENTS COUNT          execs that print a number and end with it, all checked
 *   ping | shutdown | kill | freeze | unfreeze | console TEXT | cgroup-set FILE VALUE |
 *   mount-add SOURCE TARGET [shift] [readonly] | mount-remove TARGET | device-add PATH MAJOR MINOR | device-remove ... */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/file.h"
#include "guest-control.h"

typedef struct Answer {
        sd_event *event;
        int r;
        int fds[12];
        size_t n_fds;
} Answer;

static void on_answer(int r, const sd_bus_error *e, int *fds, size_t n_fds, void *userdata) {
        Answer *a = userdata;

        a->r = r;
        a->n_fds = n_fds;
        memcpy(a->fds, fds, n_fds * sizeof(int));
        if (r < 0)
                (void) fprintf(stderr, "%s: %s\n", e->name, e->message);
        (void) sd_event_exit(a->event, 0);
}

static int finish(Answer *a, int r, sd_bus_error *error) {
        if (r < 0) {
                (void) fprintf(stderr, "%s: %s\n", strempty(error->name), strempty(error->message));
                return r;
        }
        (void) sd_event_loop(a->event);
        return a->r;
}

/* Copies the session's output and gives its exit status. A pty is read until the session says that it has ended. */
static int pump(const int *out, size_t n_out, int control) {
        struct pollfd p[4];
        int status = 255;
        bool ended = false;

        for (;;) {
                size_t open_fds = 0;

                for (size_t i = 0; i < n_out; i++) {
                        p[i] = (struct pollfd) { .fd = out[i], .events = POLLIN };
                        open_fds++;
                }
                p[n_out] = (struct pollfd) { .fd = ended ? -1 : control, .events = POLLIN };
                if (poll(p, n_out + 1, ended ? 0 : -1) < 0 && errno != EINTR)
                        return 255;
                bool any = false;

                for (size_t i = 0; i < n_out; i++) {
                        char buffer[65536];
                        ssize_t n = p[i].revents & POLLIN ? read(out[i], buffer, sizeof(buffer)) : 0;

                        if (n > 0) {
                                any = true;
                                (void) fd_write_all(i == 1 ? 2 : 1, buffer, (size_t) n);
                        }
                }
                if (!ended && p[n_out].revents != 0) {
                        char text[256];
                        ssize_t n = recv(control, text, sizeof(text) - 1, 0);

                        text[MAX(n, (ssize_t) 0)] = '\0';
                        if (n > 0 && sscanf(text, "exit %d", &status) != 1)
                                (void) fprintf(stderr, "%s\n", text);
                        if (n <= 0)
                                (void) fprintf(stderr, "the session was killed\n");
                        ended = true;
                } else if (ended && !any)
                        return status;
        }
}

static int run_exec(sd_event *event, uint64_t id, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_strv_free_ Strv env = NULL;
        GuestExec e = { .flags = GUEST_EXEC_PIPES };
        Answer a = { .event = event };
        const char *input = NULL;
        bool no_wait = false;

        for (; *argv && startswith(*argv, "--"); argv++) {
                if (streq(*argv, "--")) {
                        argv++;
                        break;
                } else if (streq(*argv, "--no-wait"))
                        no_wait = true;
                else if (streq(*argv, "--pty") && sscanf(*++argv, "%ux%u", &e.width, &e.height) == 2)
                        e.flags = GUEST_EXEC_INTERACTIVE;
                else if (streq(*argv, "--uid"))
                        e.uid = (uid_t) atoi(*++argv);
                else if (streq(*argv, "--gid"))
                        e.gid = (gid_t) atoi(*++argv);
                else if (streq(*argv, "--cwd"))
                        e.cwd = *++argv;
                else if (streq(*argv, "--input"))
                        input = *++argv;
                else if (streq(*argv, "--env"))
                        (void) strv_extend(&env, *++argv);
        }
        e.argv = argv;
        e.env = env;
        if (finish(&a, guest_exec(event, id, &e, on_answer, &a, NULL, &error), &error) < 0)
                return 255;
        if (no_wait)
                return 0;
        if (e.flags & GUEST_EXEC_INTERACTIVE) {
                if (input)
                        (void) fd_write_all(a.fds[0], input, strlen(input));
                return pump(a.fds, 1, a.fds[1]);
        }
        if (input)
                (void) fd_write_all(a.fds[0], input, strlen(input));
        (void) close(a.fds[0]);
        return pump(a.fds + 1, 2, a.fds[3]);
}

/* Every command prints its number and ends with it modulo 256: a lost byte, status or session is seen. */
static int storm_one(sd_event *event, uint64_t id, unsigned number) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char script[64], expected[16], got[64] = "", text[64] = "";
        char *argv[] = { (char *) "sh", (char *) "-c", script, NULL };
        GuestExec e = { .flags = GUEST_EXEC_PIPES, .argv = argv };
        Answer a = { .event = event };
        ssize_t n;
        int status = -1;

        (void) snprintf(script, sizeof(script), "echo %u; exit %u", number, number % 256);
        (void) snprintf(expected, sizeof(expected), "%u\n", number);
        if (finish(&a, guest_exec(event, id, &e, on_answer, &a, NULL, &error), &error) < 0)
                return -EIO;
        (void) fd_set_nonblock(a.fds[3], false);
        n = recv(a.fds[3], text, sizeof(text) - 1, 0);
        if (n <= 0 || sscanf(text, "exit %d", &status) != 1 || status != (int) (number % 256))
                (void) fprintf(stderr, "%u: no status: \"%s\"\n", number, text);
        else if (read(a.fds[1], got, sizeof(got) - 1) < 0 || !streq(got, expected))
                (void) fprintf(stderr, "%u: output \"%s\"\n", number, got);
        else
                n = 0;
        for (size_t i = 0; i < a.n_fds; i++)
                (void) close(a.fds[i]);
        return n == 0 ? 0 : -EIO;
}

static int run_storm(uint64_t id, unsigned clients, unsigned count) {
        uint64_t start = now_monotonic();
        int failed = 0, status;

        for (unsigned c = 0; c < clients; c++)
                if (fork() == 0) {
                        sd_event *event = NULL;
                        int bad = 0;

                        for (unsigned i = 0; i < count; i++) {
                                if (sd_event_new(&event) < 0)
                                        _exit(255);
                                bad += storm_one(event, id, c * count + i) < 0;
                                event = sd_event_unref(event);
                        }
                        _exit(MIN(bad, 255));
                }
        while (wait(&status) > 0)
                failed += WIFEXITED(status) ? WEXITSTATUS(status) : 255;
        (void) printf("%u execs by %u clients, %d failed, %.2f ms each\n", clients * count, clients, failed,
                      (double) (now_monotonic() - start) / 1000 / (clients * count));
        return failed > 0;
}

static int run_console(sd_event *event, uint64_t id, const char *input) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Answer a = { .event = event };
        uint64_t until = now_monotonic() + 2 * USEC_PER_SEC;

        if (finish(&a, guest_console(event, id, 80, 25, on_answer, &a, NULL, &error), &error) < 0)
                return 1;
        (void) fd_write_all(a.fds[0], input, strlen(input));
        while (now_monotonic() < until) {
                struct pollfd p[] = { { .fd = a.fds[0], .events = POLLIN }, { .fd = a.fds[1], .events = POLLIN } };
                char buffer[4096];
                ssize_t n;

                if (poll(p, 2, 100) <= 0)
                        continue;
                if (p[1].revents != 0) {
                        (void) fprintf(stderr, "taken over\n");
                        return 0;
                }
                n = read(a.fds[0], buffer, sizeof(buffer));
                if (n <= 0)
                        return 0;
                (void) fd_write_all(1, buffer, (size_t) n);
        }
        return 0;
}

static int call_verb(sd_event *event, uint64_t id, const char *verb, char **v, Answer *a, sd_bus_error *error) {
        if (streq(verb, "ping"))
                return guest_ping(event, id, on_answer, a, NULL, error);
        if (streq(verb, "shutdown"))
                return guest_shutdown(event, id, on_answer, a, NULL, error);
        if (streq(verb, "kill"))
                return guest_kill(event, id, on_answer, a, NULL, error);
        if (streq(verb, "freeze"))
                return guest_freeze(event, id, on_answer, a, NULL, error);
        if (streq(verb, "unfreeze"))
                return guest_unfreeze(event, id, on_answer, a, NULL, error);
        if (streq(verb, "cgroup-set"))
                return guest_cgroup_set(event, id, v[0], v[1], on_answer, a, NULL, error);
        if (streq(verb, "mount-remove"))
                return guest_mount_remove(event, id, v[0], on_answer, a, NULL, error);
        if (streq(verb, "mount-add")) {
                GuestMount m = { .source_fd = -EBADF, .source = v[0], .target = v[1] };

                STRV_FOREACH(o, v + 2)
                        m.flags |= streq(*o, "shift") ? GUEST_MOUNT_SHIFT : streq(*o, "readonly") ? GUEST_MOUNT_READONLY : 0;
                return guest_mount_add(event, id, &m, on_answer, a, NULL, error);
        }
        GuestDevice d = { .path = v[0], .device = makedev((unsigned) atoi(v[1]), (unsigned) atoi(v[2])), .mode = S_IFCHR | 0660 };

        return streq(verb, "device-add") ? guest_device_add(event, id, &d, on_answer, a, NULL, error)
                                         : guest_device_remove(event, id, &d, on_answer, a, NULL, error);
}

int main(int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Answer a = {};
        uint64_t id;

        if (argc < 3 || parse_u64(argv[1], &id) < 0 || sd_event_default(&a.event) < 0)
                return 2;
        if (streq(argv[2], "exec"))
                return run_exec(a.event, id, argv + 3);
        if (streq(argv[2], "storm"))
                return run_storm(id, (unsigned) atoi(argv[3]), (unsigned) atoi(argv[4]));
        if (streq(argv[2], "console"))
                return run_console(a.event, id, argc > 3 ? argv[3] : "");
        return finish(&a, call_verb(a.event, id, argv[2], argv + 3, &a, &error), &error) < 0;
}
