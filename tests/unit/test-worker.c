/* SPDX-License-Identifier: Apache-2.0 */
/* worker: results, error text, signals, cancel, descriptors, one job after the other. The worker is this program itself with an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus-error.h"
#include "worker.h"

typedef struct Outcome {
        int r;
        char text[256];
        char result[64];
        unsigned reports;
        int pid;
        unsigned done;   /* how often */
        int held;        /* of a pipe whose other end only the worker has */
        bool let_go;     /* it had none when it was done */
        unsigned fds;    /* how many the process had then; 0 = it was gone */
        void (*then)(void *userdata);
        void *then_userdata;
} Outcome;

static unsigned count_fds(int pid) {
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *entry;
        char path[64];
        unsigned n = 0;

        (void) snprintf(path, sizeof(path), "/proc/%d/fd", pid);
        d = opendir(path);
        while (d && (entry = readdir(d)))
                n += entry->d_name[0] != '.';
        return n;
}

static void on_report(Worker *w, const char *key, const char *value, void *userdata) {
        Outcome *o = userdata;

        if (streq(key, "pid"))
                o->pid = atoi(value);
        else
                o->reports++;
}

static void on_done(Worker *w, int r, const sd_bus_error *e, const Config *results, void *userdata) {
        Outcome *o = userdata;
        char c;

        o->r = r;
        (void) snprintf(o->text, sizeof(o->text), "%s", e ? e->message : "");
        (void) snprintf(o->result, sizeof(o->result), "%s", config_get_or(results, "answer", ""));
        CONFIG_FOREACH(i, results)
                assert_int_not_equal(i->key[0], '!');
        o->let_go = read(o->held, &c, 1) == 0;
        o->fds = o->pid > 0 ? count_fds(o->pid) : 0;
        o->done++;
        if (o->then)
                o->then(o->then_userdata);
}

static const WorkerCallbacks callbacks = { .report = on_report, .done = on_done };
static const char *self;

static sd_event *new_event(void) {
        sd_event *event;

        assert_true(sd_event_new(&event) >= 0);
        return event;
}

static void wait_done(sd_event *event, Outcome *o) {
        while (o->done == 0)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
        assert_int_equal(o->done, 1);
        (void) close(o->held);
}

/* Two descriptors: one with the bytes "42" to read, and the end of a pipe that tells who else has it. waiting: NULL = one of its own. */
static Worker *start(sd_event *event, Worker **waiting, const char *mode, const char *more, Outcome *o) {
        char *argv[] = { (char *) self, (char *) mode, (char *) more, NULL };
        int input[2], held[2];
        Worker *w;

        assert_int_equal(pipe2(input, O_CLOEXEC), 0);
        assert_int_equal(pipe2(held, O_CLOEXEC | O_NONBLOCK), 0);
        assert_int_equal(write(input[1], "42", 2), 2);
        o->held = held[0];
        if (waiting)
                assert_int_equal(worker_run(event, waiting, argv, (int[]) { input[0], held[1] }, 2, &callbacks, o, &w), 0);
        else
                assert_int_equal(worker_spawn(event, argv, (int[]) { input[0], held[1] }, 2, &callbacks, o, &w), 0);
        (void) close(input[0]);
        (void) close(input[1]);
        (void) close(held[1]);
        return w;
}

static Outcome run_worker(const char *mode, bool cancel) {
        sd_event *event = new_event();
        Outcome o = {};
        Worker *w = start(event, NULL, mode, NULL, &o);

        if (cancel)
                worker_cancel(w);
        wait_done(event, &o);
        sd_event_unref(event);
        return o;
}

static void success(void **state) {
        Outcome o = run_worker("ok", false);

        assert_int_equal(o.r, 0);
        assert_string_equal(o.result, "42");
        assert_int_equal(o.reports, 2);
}

static void failure_with_text(void **state) {
        Outcome o = run_worker("fail", false);

        assert_int_equal(o.r, -EEXIST);
        assert_string_equal(o.text, "It is there: already");
}

static void killed(void **state) {
        Outcome o = run_worker("die", false);

        assert_int_equal(o.r, -EIO);
        assert_non_null(strstr(o.text, "signal 9"));
}

static void cancelled(void **state) {
        Outcome o = run_worker("sleep", true);

        assert_int_equal(o.r, -ECANCELED);
}

static void missing(void **state) {
        char *argv[] = { (char *) "/nonexistent/worker", NULL };
        sd_event *event = new_event();
        Worker *waiting = NULL, *w;

        assert_int_equal(worker_spawn(event, argv, NULL, 0, &callbacks, NULL, NULL), -ENOENT);
        assert_int_equal(worker_run(event, &waiting, argv, NULL, 0, &callbacks, NULL, &w), -ENOENT);
        assert_null(waiting);
        sd_event_unref(event);
}

/* ---- one job after the other; each tells its pid ---- */

typedef struct Row {
        sd_event *event;
        Worker *waiting;
} Row;

static int row_setup(void **state) {
        Row *row = calloc(1, sizeof(*row));

        row->event = new_event();
        *state = row;
        return 0;
}

static unsigned children(void) {
        _cleanup_fclose_ FILE *f = fopen("/proc/thread-self/children", "re");
        unsigned n = 0;
        int pid;

        assert_non_null(f);
        while (fscanf(f, "%d", &pid) == 1)
                n++;
        return n;
}

static int row_teardown(void **state) {
        Row *row = *state;

        worker_free(row->waiting);
        assert_int_equal(children(), 0);
        sd_event_unref(row->event);
        free(row);
        return 0;
}

static Outcome run_job(Row *row, const char *mode, const char *more) {
        Outcome o = {};

        (void) start(row->event, &row->waiting, mode, more, &o);
        wait_done(row->event, &o);
        return o;
}

static int assert_ok(const Outcome *o) {
        assert_int_equal(o->r, 0);
        assert_string_equal(o->result, "42");
        assert_int_equal(o->reports, 2);
        assert_true(o->let_go);
        return o->pid;
}

static void row(void **state) {
        Row *s = *state;
        Outcome first = run_job(s, "ok", NULL), second = run_job(s, "ok", "with another argument");

        assert_int_equal(assert_ok(&second), assert_ok(&first));
        assert_int_equal(first.fds, 4); /* stdin, stdout, stderr and the socket */
        assert_int_equal(second.fds, 4);
        assert_int_equal(children(), 1);
}

static void row_after_failure(void **state) {
        static const char *const modes[] = { "fail", "die", "exit" };
        Row *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                Outcome good = run_job(s, "ok", NULL), bad = run_job(s, modes[i], NULL);

                assert_int_equal(assert_ok(&good), bad.pid);
                assert_int_equal(bad.r, streq(modes[i], "fail") ? -EEXIST : streq(modes[i], "die") ? -EIO : 0);
                assert_true(bad.let_go);
                assert_int_equal(bad.fds, 0);
                assert_null(s->waiting);
                good = run_job(s, "ok", NULL);
                assert_int_not_equal(assert_ok(&good), bad.pid);
        }
}

static void row_cancelled(void **state) {
        Row *s = *state;
        Outcome first = run_job(s, "ok", NULL), second = {}, third;
        Worker *w = start(s->event, &s->waiting, "sleep", NULL, &second);

        worker_cancel(w);
        wait_done(s->event, &second);
        assert_int_equal(second.r, -ECANCELED);
        assert_int_equal(children(), 0);
        third = run_job(s, "ok", NULL);
        assert_int_not_equal(assert_ok(&third), assert_ok(&first));
}

/* It has said that it is done, and is cancelled before that has been heard. */
static void row_cancelled_late(void **state) {
        Row *s = *state;
        Outcome first = run_job(s, "ok", NULL), second = {}, third;
        Worker *w = start(s->event, &s->waiting, "ok", NULL, &second);
        char c;

        while (read(second.held, &c, 1) != 0)
                (void) usleep(1000);
        worker_cancel(w);
        wait_done(s->event, &second);
        assert_int_equal(second.r, -ECANCELED);
        assert_null(s->waiting);
        third = run_job(s, "ok", NULL);
        assert_int_not_equal(assert_ok(&third), assert_ok(&first));
}

static void start_next(void *userdata) {
        Outcome **o = userdata;
        Row *s = (*o)->then_userdata;

        (void) start(s->event, &s->waiting, "ok", NULL, *o);
}

/* done() gives the process the next job. */
static void row_in_a_row(void **state) {
        Row *s = *state;
        Outcome second = { .then_userdata = s }, *next = &second, first = { .then = start_next, .then_userdata = &next };

        (void) start(s->event, &s->waiting, "ok", NULL, &first);
        wait_done(s->event, &first);
        assert_null(s->waiting);
        wait_done(s->event, &second);
        assert_int_equal(assert_ok(&second), assert_ok(&first));
        assert_non_null(s->waiting);
}

/* As many processes as jobs, of which one stays. */
static void row_at_once(void **state) {
        Outcome o[5] = {};
        Row *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(o); i++)
                (void) start(s->event, &s->waiting, "ok", NULL, &o[i]);
        assert_int_equal(children(), ELEMENTSOF(o));
        for (size_t i = 0; i < ELEMENTSOF(o); i++) {
                wait_done(s->event, &o[i]);
                for (size_t k = 0; k < i; k++)
                        assert_int_not_equal(assert_ok(&o[i]), o[k].pid);
        }
        for (size_t i = 0; i < ELEMENTSOF(o); i++)
                assert_int_equal(o[i].done, 1);
        assert_non_null(s->waiting);
        assert_int_equal(children(), 1);
}

static void row_has_an_end(void **state) {
        Row *s = *state;
        Outcome first = run_job(s, "ok", NULL), o = first;
        unsigned n = 0;

        for (; o.pid == first.pid; n++)
                o = run_job(s, "ok", NULL);
        (void) assert_ok(&o);
        assert_int_equal(n, 64);
}

static void row_died_waiting(void **state) {
        Row *s = *state;
        Outcome first = run_job(s, "ok", NULL), second;

        assert_int_equal(kill(first.pid, SIGKILL), 0);
        assert_int_equal(waitid(P_PID, (id_t) first.pid, &(siginfo_t) {}, WEXITED | WNOWAIT), 0);
        second = run_job(s, "ok", NULL);
        assert_int_not_equal(assert_ok(&second), first.pid);
        while (s->waiting)
                assert_true(sd_event_run(s->event, UINT64_MAX) >= 0);
        second = run_job(s, "ok", NULL);
        (void) assert_ok(&second);
        assert_non_null(s->waiting);
}

static void row_with_too_much(void **state) {
        _cleanup_free_ char *much = calloc(1, 70000);
        Row *s = *state;
        Outcome first = run_job(s, "ok", NULL), second, third;

        memset(much, 'x', 69999);
        second = run_job(s, "ok", much);
        third = run_job(s, "ok", NULL);
        assert_int_not_equal(assert_ok(&second), assert_ok(&first));
        assert_int_equal(assert_ok(&third), first.pid);
}

/* Who made it is gone, without a word. */
static void row_alone(void **state) {
        int fds[2], status, pid = 0;
        pid_t daemon;

        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        daemon = fork();
        if (daemon == 0) {
                Row s = { .event = new_event() };
                Outcome o = run_job(&s, "ok", NULL);

                (void) !write(fds[1], &o.pid, sizeof(o.pid));
                (void) raise(SIGKILL);
        }
        assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
        assert_int_equal(waitpid(daemon, &status, 0), daemon);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        (void) close(fds[0]);
        (void) close(fds[1]);
}

/* Each job counts its steps for itself. */
static void row_killed_at_a_step(void **state) {
#ifdef LXD_CRASH_POINTS
        char dir[] = "/tmp/test-worker.XXXXXX", path[64];
        Row *s = *state;
        Outcome first, second;
        int fd;

        assert_non_null(mkdtemp(dir));
        (void) snprintf(path, sizeof(path), "%s/fifo", dir);
        assert_int_equal(mkfifo(path, 0600), 0);
        fd = open(path, O_RDWR | O_CLOEXEC);
        (void) setenv("LXD_CRASH_FIFO", path, 1);
        (void) setenv("LXD_CRASH_AT", "worker-report#3", 1);
        first = run_job(s, "ok", NULL);
        assert_int_equal(first.fds, 4);
        assert_int_equal(write(fd, "x", 1), 1);
        second = run_job(s, "ok", NULL);
        (void) unsetenv("LXD_CRASH_FIFO");
        (void) unsetenv("LXD_CRASH_AT");
        assert_int_equal(second.pid, assert_ok(&first));
        assert_int_equal(second.r, -EIO);
        assert_non_null(strstr(second.text, "signal 9"));
        (void) close(fd);
        (void) unlink(path);
        (void) rmdir(dir);
#else
        skip();
#endif
}

static int be_worker(int argc, char *argv[]) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        const char *mode = argv[1];
        char answer[3] = "";

        (void) worker_reportf("pid", "%d", (int) getpid());
        (void) open("/", O_RDONLY | O_DIRECTORY); /* forgotten */
        if (streq(mode, "ok")) {
                (void) worker_report("progress", "50");
                return read(WORKER_FIRST_FD, answer, 2) == 2 && worker_report("answer", answer) >= 0 ? 0 : 1;
        }
        if (streq(mode, "fail"))
                return worker_fail(bus_error_set(&e, LXD_ERROR_EXISTS, "It is there: %s", "already"), &e);
        if (streq(mode, "die"))
                (void) raise(SIGKILL);
        if (streq(mode, "exit"))
                exit(EXIT_SUCCESS);
        (void) sleep(600);
        return 0;
}

int main(int argc, char **argv) {
#define TEST(f) cmocka_unit_test(f)
#define ROW(f) cmocka_unit_test_setup_teardown(f, row_setup, row_teardown)
        const struct CMUnitTest tests[] = {
                TEST(success), TEST(failure_with_text), TEST(killed), TEST(cancelled), TEST(missing),
                ROW(row), ROW(row_after_failure), ROW(row_cancelled), ROW(row_cancelled_late), ROW(row_in_a_row), ROW(row_at_once),
                ROW(row_has_an_end), ROW(row_died_waiting), ROW(row_with_too_much), ROW(row_alone), ROW(row_killed_at_a_step),
        };
        sigset_t mask;

        if (argc > 1 || fcntl(WORKER_REPORT_FD, F_GETFD) >= 0)
                return worker_serve(argc, argv, be_worker);
        self = realpath("/proc/self/exe", NULL);
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
