/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: what goes in comes out, over a socket too; what is not of the form is refused; descriptors never leak. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "count-fds.h"
#include "guest-message.h"

static void make_pair(int pair[static 2]) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void test_fields(void **state) {
        _cleanup_message_ GuestMessage m = {};
        _cleanup_free_ char **all = NULL;
        uint64_t u = 7;
        int64_t i = 7;

        assert_int_equal(guest_message_begin(&m, "exec"), 0);
        assert_int_equal(guest_message_add(&m, "arg", "a=b\nc"), 0);
        assert_int_equal(guest_message_add(&m, "arg", ""), 0);
        assert_int_equal(guest_message_addf(&m, "uid", "%u", 4294967294U), 0);
        assert_int_equal(guest_message_add(&m, "mode", "-1"), 0);
        assert_int_equal(guest_message_add(&m, "", "x"), -EINVAL);
        assert_int_equal(guest_message_add(&m, "a=b", "x"), -EINVAL);
        assert_string_equal(guest_message_verb(&m), "exec");
        assert_string_equal(guest_message_get(&m, "arg"), "a=b\nc");
        assert_null(guest_message_get(&m, "ar"));
        assert_null(guest_message_get(&m, "args"));
        assert_int_equal(guest_message_get_all(&m, "arg", &all), 0);
        assert_string_equal(all[0], "a=b\nc");
        assert_string_equal(all[1], "");
        assert_null(all[2]);
        assert_int_equal(guest_message_get_u64(&m, "uid", &u), 0);
        assert_int_equal(u, 4294967294U);
        assert_int_equal(guest_message_get_u64(&m, "mode", &u), -EINVAL);
        assert_int_equal(guest_message_get_u64(&m, "gid", &u), -ENOENT);
        assert_int_equal(guest_message_get_i64(&m, "mode", &i), 0);
        assert_int_equal(i, -1);
        assert_int_equal(guest_message_take_fd(&m, 0), -EBADF);
}

static void test_refused(void **state) {
        static const struct {
                const char *data;
                size_t n;
        } bad[] = {
                { "", 0 }, { "\0", 1 }, { "exec", 4 }, { "Exec\0", 5 }, { "ex ec\0", 6 }, { "exec\0a\0", 7 },
                { "exec\0=b\0", 8 }, { "exec\0a=b", 8 }, { "exec\0\0", 6 }, { "@memfd\0", 7 },
        };
        _cleanup_message_ GuestMessage m = {};

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (guest_message_parse(&m, bad[i].data, bad[i].n) != -EBADMSG)
                        fail_msg("case %zu was taken", i);
        assert_int_equal(guest_message_parse(&m, "exec\0a==\0", 9), 0);
        assert_string_equal(guest_message_get(&m, "a"), "=");
}

static void test_socket(void **state) {
        _cleanup_message_ GuestMessage out = {}, in = {};
        size_t before = count_fds();
        int pair[2], fd;

        make_pair(pair);
        assert_int_equal(guest_message_begin(&out, "ok"), 0);
        assert_int_equal(guest_message_add_fd(&out, pair[0]), 0);
        assert_int_equal(guest_message_add_fd(&out, pair[1]), 0);
        assert_int_equal(guest_message_send(pair[0], &out), 0);
        assert_int_equal(guest_message_receive(pair[1], &in), 1);
        assert_int_equal(in.n_fds, 2);
        fd = guest_message_take_fd(&in, 1);
        assert_true(fd >= 0);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(guest_message_take_fd(&in, 1), -EBADF);
        (void) close(fd);
        guest_message_done(&in);
        (void) close(pair[0]);
        assert_int_equal(guest_message_receive(pair[1], &in), 0);
        (void) close(pair[1]);
        assert_int_equal(count_fds(), before);
}

static void test_large(void **state) {
        _cleanup_message_ GuestMessage out = {}, in = {};
        _cleanup_free_ char *big = malloc(300001);
        size_t before = count_fds();
        int pair[2];

        assert_non_null(big);
        memset(big, 'x', 300000);
        big[300000] = '\0';
        make_pair(pair);
        assert_int_equal(guest_message_begin(&out, "exec"), 0);
        assert_int_equal(guest_message_add(&out, "arg", big), 0);
        assert_int_equal(guest_message_add_fd(&out, pair[0]), 0);
        assert_int_equal(guest_message_send(pair[0], &out), 0);
        assert_int_equal(guest_message_receive(pair[1], &in), 1);
        assert_string_equal(guest_message_get(&in, "arg"), big);
        assert_int_equal(in.n_fds, 1); /* the memfd is not one of them */
        guest_message_done(&in);
        while (guest_message_add(&out, "arg", big) >= 0)
                ;
        assert_true(out.size <= GUEST_MESSAGE_MAX);
        (void) close(pair[0]);
        (void) close(pair[1]);
        assert_int_equal(count_fds(), before);
}

/* A memfd that can still be written would change under the checks. */
static void test_unsealed(void **state) {
        _cleanup_message_ GuestMessage in = {};
        _cleanup_close_ int memfd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        GuestMessage out = { .data = (char *) "@memfd", .size = sizeof("@memfd") };
        int pair[2];

        make_pair(pair);
        assert_int_equal(fd_write_all(memfd, "exec\0", 5), 0);
        assert_int_equal(guest_message_add_fd(&out, memfd), 0);
        assert_int_equal(guest_message_send(pair[0], &out), 0);
        assert_int_equal(guest_message_receive(pair[1], &in), -EBADMSG);
        out.n_fds = 0;
        assert_int_equal(guest_message_send(pair[0], &out), 0);
        assert_int_equal(guest_message_receive(pair[1], &in), -EBADMSG); /* none at all */
        (void) close(pair[0]);
        (void) close(pair[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields), cmocka_unit_test(test_refused), cmocka_unit_test(test_socket),
                cmocka_unit_test(test_large),  cmocka_unit_test(test_unsealed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
