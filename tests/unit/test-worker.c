/* SPDX-License-Identifier: Apache-2.0 */
/* worker: results, error text, signals, cancel, descriptors. The worker is this program itself with an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus-error.h"
#include "worker.h"

typedef struct Outcome {
        sd_event *event;
        int r;
        char text[256];
        char result[64];
        unsigned reports;
        int pid;
} Outcome;

static void on_report(Worker *w, const char *key, const char *value, void *userdata) {
        Outcome *o = userdata;

        if (streq(key, "pid"))
                o->pid = atoi(value);
        else
                o->reports++;
}

static void on_done(Worker *w, int r, const sd_bus_error *e, const Config *results, void *userdata) {
        Outcome *o = userdata;

        o->r = r;
        (void) snprintf(o->text, sizeof(o->text), "%s", e ? e->message : "");
        (void) snprintf(o->result, sizeof(o->result), "%s", config_get_or(results, "answer", ""));
        (void) sd_event_exit(o->event, 0);
}

static const char *self;

static Outcome run_worker(const char *mode, bool cancel) {
        const WorkerCallbacks callbacks = { .report = on_report, .done = on_done };
        char *argv[] = { (char *) self, (char *) mode, NULL };
        int pipe_fds[2];
        Outcome o = {};
        Worker *w;

        assert_int_equal(pipe(pipe_fds), 0);
        assert_int_equal(write(pipe_fds[1], "42", 2), 2);
        assert_true(sd_event_new(&o.event) >= 0);
        assert_int_equal(worker_spawn(o.event, argv, pipe_fds, 1, &callbacks, &o, &w), 0);
        if (cancel)
                worker_cancel(w);
        assert_true(sd_event_loop(o.event) >= 0);
        sd_event_unref(o.event);
        (void) close(pipe_fds[0]);
        (void) close(pipe_fds[1]);
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
        const WorkerCallbacks callbacks = { .done = on_done };
        char *argv[] = { (char *) "/nonexistent/worker", NULL };
        sd_event *event;

        assert_true(sd_event_new(&event) >= 0);
        assert_int_equal(worker_spawn(event, argv, NULL, 0, &callbacks, NULL, NULL), -ENOENT);
        sd_event_unref(event);
}

/* One job after the other by processes that waited; each tells its pid. */

static Outcome run_spare(WorkerSpare *s, sd_event *event, const char *mode, const char *more) {
        const WorkerCallbacks callbacks = { .report = on_report, .done = on_done };
        char *argv[] = { (char *) self, (char *) mode, (char *) more, NULL };
        Outcome o = { .event = event };
        int pipe_fds[2];
        Worker *w;

        assert_int_equal(pipe(pipe_fds), 0);
        assert_int_equal(write(pipe_fds[1], "42", 2), 2);
        assert_int_equal(worker_spare_spawn(s, argv, pipe_fds, 1, &callbacks, &o, &w), 0);
        assert_true(sd_event_loop(event) >= 0);
        (void) close(pipe_fds[0]);
        (void) close(pipe_fds[1]);
        return o;
}

static sd_event *new_event(void) {
        sd_event *event;

        assert_true(sd_event_new(&event) >= 0);
        return event;
}

static pid_t child(void) {
        _cleanup_fclose_ FILE *f = fopen("/proc/thread-self/children", "re");
        int pid = 0;

        assert_non_null(f);
        (void) fscanf(f, "%d", &pid);
        return pid;
}

/* Runs the loop until the next one waits. */
static pid_t refill(sd_event *event) {
        while (child() == 0)
                assert_true(sd_event_run(event, 1000) >= 0);
        return child();
}

static void spare(void **state) {
        sd_event *event = new_event();
        WorkerSpare *s;
        Outcome o;
        pid_t pid;

        assert_int_equal(worker_spare_new(event, self, &s), 0);
        o = run_spare(s, event, "ok", NULL); /* the first has to be made */
        assert_int_equal(o.r, 0);
        assert_string_equal(o.result, "42");
        sd_event_unref(event);
        worker_spare_free(s);
        assert_int_equal(child(), 0);

        event = new_event();
        assert_int_equal(worker_spare_new(event, self, &s), 0);
        (void) worker_spare_spawn(s, (char *[]) { (char *) "/nonexistent/worker", NULL }, NULL, 0, &(WorkerCallbacks) {}, NULL, NULL);
        pid = refill(event);
        o = run_spare(s, event, "ok", NULL);
        assert_int_equal(o.r, 0);
        assert_string_equal(o.result, "42");
        assert_int_equal(o.pid, pid);
        sd_event_unref(event);
        worker_spare_free(s);
        assert_int_equal(child(), 0);
}

static void spare_that_died(void **state) {
        sd_event *event = new_event();
        WorkerSpare *s;
        Outcome o;
        pid_t pid;

        assert_int_equal(worker_spare_new(event, self, &s), 0);
        (void) worker_spare_spawn(s, (char *[]) { (char *) "/nonexistent/worker", NULL }, NULL, 0, &(WorkerCallbacks) {}, NULL, NULL);
        pid = refill(event);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitid(P_PID, (id_t) pid, &(siginfo_t) {}, WEXITED | WNOWAIT), 0);
        o = run_spare(s, event, "ok", NULL);
        assert_int_equal(o.r, 0);
        assert_string_equal(o.result, "42");
        sd_event_unref(event);
        worker_spare_free(s);
}

static void spare_with_too_much(void **state) {
        _cleanup_free_ char *much = calloc(1, 70000);
        sd_event *event = new_event();
        WorkerSpare *s;
        Outcome o;

        memset(much, 'x', 69999);
        assert_int_equal(worker_spare_new(event, self, &s), 0);
        (void) worker_spare_spawn(s, (char *[]) { (char *) "/nonexistent/worker", NULL }, NULL, 0, &(WorkerCallbacks) {}, NULL, NULL);
        (void) refill(event);
        o = run_spare(s, event, "ok", much);
        assert_int_equal(o.r, 0);
        assert_string_equal(o.result, "42");
        sd_event_unref(event);
        worker_spare_free(s);
}

static int be_worker(const char *mode) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        char answer[3] = "";

        if (streq(mode, "ok")) {
                (void) worker_report("progress", "50");
                return read(WORKER_FIRST_FD, answer, 2) == 2 && worker_report("answer", answer) >= 0 ? 0 : 1;
        }
        if (streq(mode, "fail"))
                return worker_fail(bus_error_set(&e, LXD_ERROR_EXISTS, "It is there: %s", "already"), &e);
        if (streq(mode, "die"))
                (void) raise(SIGKILL);
        (void) sleep(600);
        return 0;
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(success), cmocka_unit_test(failure_with_text), cmocka_unit_test(killed),
                                            cmocka_unit_test(cancelled), cmocka_unit_test(missing),
                                            cmocka_unit_test(spare), cmocka_unit_test(spare_that_died), cmocka_unit_test(spare_with_too_much) };
        sigset_t mask;

        if (argc > 1 || fcntl(WORKER_REPORT_FD, F_GETFD) >= 0) {
                if (worker_receive_job(&argc, &argv) < 0)
                        return EXIT_FAILURE;
                (void) worker_reportf("pid", "%d", (int) getpid());
                return be_worker(argv[1]);
        }
        self = realpath("/proc/self/exe", NULL);
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
