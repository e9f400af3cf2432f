/* SPDX-License-Identifier: Apache-2.0 */
/* What a renderer is left with, seen from outside while it waits for its request, and that nothing of the one before is in it. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "guest-message.h"
#include "renderers.h"

static int control;

static char *read_proc(pid_t pid, const char *name) {
        char path[64], *text = NULL;

        (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
        assert_true(file_read(path, 65536, &text, NULL) >= 0);
        return text;
}

static char *read_children(void) {
        char name[64];

        (void) snprintf(name, sizeof(name), "task/%d/children", (int) getpid());
        return read_proc(getpid(), name);
}

/* The child that is not the maker, once it waits for its request behind its filter. */
static pid_t find_renderer(pid_t maker) {
        for (;;) {
                _cleanup_free_ char *children = read_children(), *status = NULL;
                char *p = children, *word;
                pid_t pid = 0;

                while ((word = strsep(&p, " ")))
                        if (*word && atoi(word) != maker)
                                pid = (pid_t) atoi(word);
                if (pid > 0)
                        status = read_proc(pid, "status");
                if (status && strstr(status, "\nSeccomp:\t2\n") && strstr(status, "\nState:\tS"))
                        return pid;
                (void) usleep(1000);
        }
}

static pid_t maker_pid(void) {
        _cleanup_free_ char *children = read_children();

        return (pid_t) atoi(children);
}

static void assert_line(const char *text, const char *line) {
        if (!strstr(text, line))
                fail_msg("No \"%s\" in:\n%s", line, text);
}

static size_t count_fds(pid_t pid) {
        char path[64];
        _cleanup_closedir_ DIR *d = NULL;
        size_t n = 0;

        (void) snprintf(path, sizeof(path), "/proc/%d/fd", (int) pid);
        d = opendir(path);
        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));)
                if (e->d_name[0] != '.') {
                        assert_true(atoi(e->d_name) <= 3);
                        n++;
                }
        return n;
}

static void test_confinement(void **state) {
        _cleanup_close_ int sock = -EBADF, other = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *status = NULL, *limits = NULL;
        pid_t pid;

        assert_int_equal(renderer_start(control, &sock), 0);
        pid = find_renderer(maker_pid());
        status = read_proc(pid, "status");
        assert_line(status, "\nUid:\t65534\t65534\t65534\t65534\n");
        assert_line(status, "\nGid:\t65534\t65534\t65534\t65534\n");
        assert_line(status, "\nGroups:\t \n");
        assert_line(status, "\nCapInh:\t0000000000000000\n");
        assert_line(status, "\nCapPrm:\t0000000000000000\n");
        assert_line(status, "\nCapEff:\t0000000000000000\n");
        assert_line(status, "\nCapAmb:\t0000000000000000\n");
        assert_line(status, "\nNoNewPrivs:\t1\n");
        limits = read_proc(pid, "limits");
        assert_line(limits, "Max cpu time              20                   20 ");
        assert_line(limits, "Max file size             16777216             16777216 ");
        assert_line(limits, "Max core file size        0                    0 ");
        assert_line(limits, "Max processes             0                    0 ");
        assert_line(limits, "Max address space         536870912            536870912 ");
        assert_int_equal(count_fds(pid), 4); /* the standard ones and its socket */
        renderer_end(control);
        assert_int_equal(kill(pid, 0), -1); /* collected */
}

/* Looks through all that the process can read. */
static bool memory_holds(pid_t pid, const char *word) {
        _cleanup_free_ char *maps = read_proc(pid, "maps");
        _cleanup_close_ int fd = -EBADF;
        unsigned long begin, end;
        char path[64], mode[8], *p = maps, *line;
        bool found = false;

        (void) snprintf(path, sizeof(path), "/proc/%d/mem", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        while ((line = strsep(&p, "\n")) && sscanf(line, "%lx-%lx %7s", &begin, &end, mode) == 3) {
                _cleanup_free_ char *data = malloc(end - begin);
                ssize_t n = mode[0] == 'r' ? pread(fd, data, end - begin, (off_t) begin) : 0;

                found = found || (n > 0 && memmem(data, (size_t) n, word, strlen(word)));
        }
        return found;
}

static void make_secret(char secret[static 33]) {
        uint64_t r[2];

        assert_int_equal(getrandom(r, sizeof(r), 0), sizeof(r));
        (void) snprintf(secret, 33, "%016" PRIx64 "%016" PRIx64, r[0], r[1]);
}

static void send_text(int sock, const char *verb, const char *key, const char *value) {
        _cleanup_message_ GuestMessage m = {};

        assert_int_equal(guest_message_begin(&m, verb), 0);
        assert_int_equal(guest_message_addf(&m, key, "user.secret=%s", value), 0);
        assert_int_equal(guest_message_send(sock, &m), 0);
}

static void test_nothing_of_others(void **state) {
        char secret[33];

        make_secret(secret);
        for (size_t i = 0; i < 2; i++) {
                _cleanup_close_ int sock = -EBADF;
                pid_t pid;

                assert_int_equal(renderer_start(control, &sock), 0);
                pid = find_renderer(maker_pid());
                assert_false(memory_holds(pid, secret));
                send_text(sock, "templates", "config", secret);
                while (!memory_holds(pid, secret))
                        (void) usleep(1000);
                renderer_end(control);
        }
}

static void test_end(void **state) {
        _cleanup_close_ int sock = -EBADF;
        _cleanup_message_ GuestMessage m = {};

        assert_int_equal(renderer_start(control, &sock), 0);
        send_text(sock, "templates", "config", "x");
        send_text(sock, "metadata", "nothing", "");
        assert_int_equal(guest_message_receive(sock, &m), 1);
        assert_string_equal(guest_message_verb(&m), "ok"); /* an empty document has no templates */
        renderer_end(control);
}

static int start(void **state) {
        return renderers_start(&control);
}

static int stop(void **state) {
        (void) close(control);
        return waitpid(-1, NULL, 0) > 0 ? 0 : -1; /* the maker ends with its socket */
}

int main(void) {
#ifdef __SANITIZE_ADDRESS__
        puts("The renderer's limits leave no room for the address sanitizer's shadow memory");
        return 77;
#endif
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_confinement, start, stop),
                cmocka_unit_test_setup_teardown(test_nothing_of_others, start, stop),
                cmocka_unit_test_setup_teardown(test_end, start, stop),
        };

        if (geteuid() != 0)
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
