/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of lxd-instanced without sd-bus, answered by sd-bus: what one says the other understands; answers that come late, torn or not at all. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>

#include "base/file.h"
#include "base/socket.h"
#include "base/str.h"
#include "count-fds.h"
#include "guest-call.h"

#define INTERFACE LXD_BUS_PREFIX ".instance1.Guest"
#define LONG 100000
#define PAIRS 300

static char directory[] = "/tmp/lxd-guest-call-XXXXXX";

/* ---- the other side, a process ---- */

static const char *long_text(void) {
        static char text[LONG + 1];

        memset(text, 'x', LONG);
        return text;
}

static int answer_prepare(sd_bus_message *m, uint64_t id) {
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (id == 404)
                return sd_bus_reply_method_errorf(m, "org.lxd.Error.NotFound", "There is no instance with id %d,\nnor was there", 404);
        if (id == 405)
                return sd_bus_reply_method_error(m, &SD_BUS_ERROR_MAKE_CONST("org.lxd.Error.Failed", NULL));
        if (id == 406) {
                r = sd_bus_message_append(reply, "s", "another signature");
                return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
        }
        /* Not for us; what reads answers has to read over it. */
        if (r >= 0)
                r = sd_bus_emit_signal(sd_bus_message_get_bus(m), "/x", "org.lxd.X", "Changed", "as", 1, long_text());
        if (r >= 0)
                r = sd_bus_message_append(reply, "sa(ss)", "c1", 3, "lxc.a", "1", "lxc.empty", "", "lxc.long", long_text());
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (unsigned i = 0; r >= 0 && i < id; i++) {
                char key[32];

                (void) snprintf(key, sizeof(key), "key%u", i);
                r = sd_bus_message_append(reply, "{ss}", key, "a=b\n\xc3\xa4");
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        r = r < 0 ? r : sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int answer_connect(sd_bus_message *m) {
        struct stat sent, expected;
        uint64_t flags;
        int fd, r;

        r = sd_bus_message_read(m, "ht", &fd, &flags);
        if (r >= 0 && (fstat(fd, &sent) < 0 || stat(directory, &expected) < 0 || sent.st_ino != expected.st_ino))
                r = -EBADF;
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int answer_started(sd_bus_message *m) {
        uint64_t flags;
        uint32_t pid;
        int r;

        r = sd_bus_message_read(m, "ut", &pid, &flags);
        return r < 0 ? r : pid == 4711 ? sd_bus_reply_method_return(m, NULL) : -EINVAL;
}

static int answer_stopped(sd_bus_message *m) {
        const char *reason;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "st", &reason, &flags);
        return r < 0 ? r : streq(reason, long_text()) ? sd_bus_reply_method_return(m, NULL) : -EINVAL;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t id;
        int r = 0;

        if (!sd_bus_message_is_method_call(m, INTERFACE, NULL) || !streq(sd_bus_message_get_path(m), "/org/lxd/instance1"))
                return 0;
        r = sd_bus_message_read(m, "t", &id);
        if (r >= 0 && streq(sd_bus_message_get_member(m), "PrepareGuest"))
                r = answer_prepare(m, id);
        else if (r >= 0 && streq(sd_bus_message_get_member(m), "ConnectGuest"))
                r = answer_connect(m);
        else if (r >= 0 && streq(sd_bus_message_get_member(m), "GuestStarted"))
                r = answer_started(m);
        else if (r >= 0 && streq(sd_bus_message_get_member(m), "GuestStopped"))
                r = answer_stopped(m);
        return r < 0 ? r : 1;
}

static int serve(int fd) {
        sd_id128_t id = { .bytes = { 1 } };
        sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        if (r >= 0)
                r = sd_bus_set_server(bus, 1, id);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, 1);
        if (r >= 0)
                r = sd_bus_set_trusted(bus, 1);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_bus_add_filter(bus, NULL, on_message, NULL);
        while (r >= 0)
                r = sd_bus_process(bus, NULL) ?: sd_bus_wait(bus, UINT64_MAX);
        sd_bus_flush_close_unref(bus);
        return r;
}

/* Hangs up on the first callers so many times, each time later: before the handshake, behind it, within the answer's header. */
static pid_t start_server(unsigned n_hang_ups) {
        char path[64];
        pid_t pid;
        int fd;

        (void) snprintf(path, sizeof(path), "%s/instanced.bus", directory);
        fd = socket_listen(path, SOCK_STREAM, 8);
        assert_true(fd >= 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid > 0) {
                (void) close(fd);
                return pid;
        }
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (unsigned i = 0;; i++) {
                int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
                char buffer[4096];

                if (i >= n_hang_ups) {
                        (void) serve(connection);
                        continue;
                }
                if (i > 0)
                        (void) recv(connection, buffer, sizeof(buffer), 0);
                if (i > 1)
                        (void) dprintf(connection, "OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\nl\002");
                (void) close(connection);
        }
}

static void stop_server(pid_t pid) {
        (void) kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int setup(void **state) {
        return mkdtemp(directory) ? setenv("LXD_RUN_DIR", directory, 1) : -1;
}

static int teardown(void **state) {
        char path[64];

        (void) snprintf(path, sizeof(path), "%s/instanced.bus", directory);
        (void) unlink(path);
        return rmdir(directory);
}

/* ---- tests ---- */

static void expect_pair(DbusReader *pairs, const char *key, const char *value) {
        const char *k, *v;

        assert_int_equal(dbus_enter_struct(pairs), 1);
        assert_int_equal(dbus_get_string(pairs, &k), 1);
        assert_int_equal(dbus_get_string(pairs, &v), 1);
        assert_string_equal(k, key);
        assert_string_equal(v, value);
}

static void expect_plan(DbusMessage *m, unsigned n) {
        DbusReader pairs;
        const char *name;

        assert_int_equal(dbus_get_string(&m->body, &name), 1);
        assert_string_equal(name, "c1");
        assert_int_equal(dbus_get_array_of_structs(&m->body, &pairs), 1);
        expect_pair(&pairs, "lxc.a", "1");
        expect_pair(&pairs, "lxc.empty", "");
        expect_pair(&pairs, "lxc.long", long_text());
        assert_int_equal(dbus_enter_struct(&pairs), 0);
        assert_int_equal(dbus_get_array_of_structs(&m->body, &pairs), 1);
        for (unsigned i = 0; i < n; i++) {
                char key[32];

                (void) snprintf(key, sizeof(key), "key%u", i);
                expect_pair(&pairs, key, "a=b\n\xc3\xa4");
        }
        assert_int_equal(dbus_enter_struct(&pairs), 0);
        assert_int_equal(dbus_get_string(&m->body, &name), 0);
}

static void test_calls(void **state) {
        _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), other = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t fds = count_fds();
        GuestCaller c = GUEST_CALLER(.id = PAIRS);
        pid_t server = start_server(0);
        DbusMessage m;

        assert_int_equal(guest_call_prepare(&c, &m), 0);
        expect_plan(&m, PAIRS);
        assert_int_equal(guest_call_connect(&c, fd), 0);
        assert_int_equal(guest_call_connect(&c, other), -EREMOTEIO);
        assert_non_null(c.text);
        assert_int_equal(guest_call_started(&c, 4711), 0);
        assert_null(c.text);
        assert_int_equal(guest_call_stopped(&c, long_text()), 0);
        c.id = 0;
        assert_int_equal(guest_call_prepare(&c, &m), 0);
        expect_plan(&m, 0);
        guest_caller_done(&c);
        /* A descriptor with the first call of a connection. */
        assert_int_equal(guest_call_connect(&c, fd), 0);
        guest_caller_done(&c);
        stop_server(server);
        assert_int_equal(count_fds(), fds);
}

static void test_refusals(void **state) {
        _cleanup_guest_caller_ GuestCaller c = GUEST_CALLER(.id = 404);
        pid_t server = start_server(0);
        DbusMessage m;

        assert_int_equal(guest_call_prepare(&c, &m), -EREMOTEIO);
        assert_string_equal(c.text, "There is no instance with id 404,\nnor was there");
        c.id = 405;
        assert_int_equal(guest_call_prepare(&c, &m), -EREMOTEIO);
        assert_string_equal(c.text, "org.lxd.Error.Failed");
        c.id = 406;
        assert_int_equal(guest_call_prepare(&c, &m), -EBADMSG);
        c.id = 1;
        assert_int_equal(guest_call_prepare(&c, &m), 0);
        expect_plan(&m, 1);
        stop_server(server);
}

static void test_restarts(void **state) {
        _cleanup_guest_caller_ GuestCaller c = GUEST_CALLER(.id = 2);
        pid_t server = start_server(3);
        DbusMessage m;

        assert_int_equal(guest_call_prepare(&c, &m), 0);
        expect_plan(&m, 2);
        stop_server(server); /* between two calls */
        server = start_server(0);
        assert_int_equal(guest_call_started(&c, 4711), 0);
        stop_server(server);
}

static int give_up(int fd, int milliseconds, void *userdata) {
        unsigned *n = userdata;

        (*n)++;
        return -ECANCELED;
}

static void test_cancel(void **state) {
        unsigned n = 0;
        _cleanup_guest_caller_ GuestCaller c = GUEST_CALLER(.id = 2, .wait = give_up, .userdata = &n);
        pid_t server = start_server(0);
        DbusMessage m;

        assert_int_equal(guest_call_prepare(&c, &m), -ECANCELED);
        assert_int_equal(n, 1);
        assert_int_equal(c.fd, -EBADF);
        stop_server(server);
}

/* A message is taken whole or not at all, and no byte of it can lead out of it. */
static void test_torn(void **state) {
        _cleanup_dbus_writer_ DbusWriter w = {};
        DbusMessage m;

        dbus_call_begin(&w, 7, "/a", "b.c", "D", "sa(ss)a{ss}", 0);
        dbus_add_string(&w, "name");
        dbus_add_u32(&w, 32);
        dbus_add_u32(&w, 0);
        dbus_add_string(&w, "key");
        dbus_add_string(&w, "value");
        dbus_add_u32(&w, 0);
        dbus_add_u32(&w, 0);
        dbus_add_u32(&w, 0);
        assert_int_equal(dbus_call_end(&w), 0);
        assert_int_equal(dbus_message_size(w.data, w.size), w.size);
        assert_int_equal(dbus_message_parse(w.data, w.size, &m), 0);
        assert_string_equal(m.signature, "sa(ss)a{ss}");
        for (size_t n = 0; n < w.size; n++) {
                ssize_t size = dbus_message_size(w.data, n);

                assert_true(size == 0 || size == (ssize_t) w.size);
                assert_int_equal(dbus_message_parse(w.data, n, &m), -EBADMSG);
        }
        for (size_t n = 0; n < w.size; n++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        _cleanup_free_ uint8_t *copy = memcpy(malloc(w.size), w.data, w.size);
                        DbusReader pairs;
                        const char *s;

                        copy[n] ^= (uint8_t) (1U << bit);
                        if (dbus_message_parse(copy, w.size, &m) < 0 || dbus_get_string(&m.body, &s) <= 0)
                                continue;
                        assert_true(strlen(s) < w.size);
                        if (dbus_get_array_of_structs(&m.body, &pairs) > 0)
                                while (dbus_enter_struct(&pairs) > 0 && dbus_get_string(&pairs, &s) > 0)
                                        assert_true(strlen(s) < w.size);
                }
}

static void test_too_large(void **state) {
        _cleanup_dbus_writer_ DbusWriter w = {};
        _cleanup_free_ char *text = malloc(DBUS_MESSAGE_MAX);

        memset(text, 'x', DBUS_MESSAGE_MAX - 1);
        text[DBUS_MESSAGE_MAX - 1] = '\0';
        dbus_call_begin(&w, 1, "/a", "b.c", "D", "s", 0);
        dbus_add_string(&w, text);
        assert_int_equal(dbus_call_end(&w), -E2BIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_calls),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_restarts),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_torn),
                cmocka_unit_test(test_too_large),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
