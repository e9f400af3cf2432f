/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of the service manager, against a pretended one. */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "base/macro.h"
#include "unit.h"

#define MANAGER "/org/freedesktop/systemd1"

typedef struct Manager {
        sd_event *event;
        sd_bus *bus;
        unsigned asked; /* StopUnit */
} Manager;

static unsigned n_done, n_failed;

static void done(int r, const sd_bus_error *e, void *userdata) {
        n_done++;
        n_failed += r < 0;
}

/* The job of the unit that is being stopped already is the answer to each further request. */
static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;

        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        if (!sd_bus_message_is_method_call(m, NULL, "StopUnit"))
                return sd_bus_reply_method_return(m, NULL);
        manager->asked++;
        return sd_bus_reply_method_return(m, "o", MANAGER "/job/7");
}

static int remove_job(Manager *m, const char *result) {
        return sd_bus_emit_signal(m->bus, MANAGER, "org.freedesktop.systemd1.Manager", "JobRemoved", "uoss", 7, MANAGER "/job/7", "a.service", result);
}

static Units *start(Manager *m) {
        int pair[2];
        Units *u;

        n_done = n_failed = 0;
        assert_true(sd_event_new(&m->event) >= 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        assert_true(sd_bus_new(&m->bus) >= 0);
        assert_true(sd_bus_set_fd(m->bus, pair[0], pair[0]) >= 0);
        assert_true(sd_bus_set_server(m->bus, 1, SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10)) >= 0);
        assert_true(sd_bus_start(m->bus) >= 0);
        assert_true(sd_bus_add_filter(m->bus, NULL, on_call, m) >= 0);
        assert_true(sd_bus_attach_event(m->bus, m->event, 0) >= 0);
        assert_int_equal(units_new(m->event, &u), 0);
        assert_int_equal(units_attach(u, pair[1]), 0);
        return u;
}

static void end(Manager *m, Units *u) {
        units_free(u);
        sd_bus_close_unref(m->bus);
        sd_event_unref(m->event);
}

static void several_wait_for_one_job(void **state) {
        Manager m = {};
        Units *u = start(&m);

        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(unit_stop(u, "a.service", done, NULL), 0);
        while (m.asked < 3)
                assert_true(sd_event_run(m.event, UINT64_MAX) >= 0);
        assert_int_equal(n_done, 0);
        assert_true(remove_job(&m, "done") >= 0);
        while (n_done < 3)
                assert_true(sd_event_run(m.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(n_failed, 0);
        end(&m, u);
}

static void all_are_told_of_a_failure(void **state) {
        Manager m = {};
        Units *u = start(&m);

        for (unsigned i = 0; i < 2; i++)
                assert_int_equal(unit_stop(u, "a.service", done, NULL), 0);
        while (m.asked < 2)
                assert_true(sd_event_run(m.event, UINT64_MAX) >= 0);
        sd_bus_close(m.bus); /* the manager is executed anew */
        while (n_done < 2)
                assert_true(sd_event_run(m.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(n_failed, 2);
        end(&m, u);
}

static void hangs_up_when_nobody_waits(void **state) {
        Manager m = {};
        Units *u = start(&m);
        uint64_t end_of_wait = now_monotonic() + 2500 * USEC_PER_MSEC;

        assert_int_equal(unit_stop(u, "a.service", done, NULL), 0);
        while (m.asked < 1 || now_monotonic() < end_of_wait)
                assert_true(sd_event_run(m.event, 100 * USEC_PER_MSEC) >= 0);
        assert_int_equal(n_done, 0);
        assert_true(sd_bus_is_open(m.bus) > 0);
        assert_true(remove_job(&m, "done") >= 0);
        while (sd_bus_is_open(m.bus) > 0)
                assert_true(sd_event_run(m.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(n_done, 1);
        end(&m, u);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(several_wait_for_one_job),
                cmocka_unit_test(all_are_told_of_a_failure),
                cmocka_unit_test(hangs_up_when_nobody_waits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
