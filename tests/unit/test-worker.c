/* SPDX-License-Identifier: Apache-2.0 */
/* worker: results, error text, signals, cancel, descriptors. The worker is this program itself with an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <signal.h>
#include <unistd.h>

#include "bus-error.h"
#include "worker.h"

typedef struct Outcome {
        sd_event *event;
        int r;
        char text[256];
        char result[64];
        unsigned reports;
} Outcome;

static void on_report(Worker *w, const char *key, const char *value, void *userdata) {
        ((Outcome *) userdata)->reports++;
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
                                            cmocka_unit_test(cancelled), cmocka_unit_test(missing) };
        sigset_t mask;

        if (argc == 2)
                return be_worker(argv[1]);
        self = realpath("/proc/self/exe", NULL);
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
