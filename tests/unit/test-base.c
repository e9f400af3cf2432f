/* SPDX-License-Identifier: Apache-2.0 */
/* shared/base and keyvalue: strict parsers, names, times, maps, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/socket.h"
#include "base/str.h"
#include "count-fds.h"
#include "keyvalue.h"
#include "undo.h"

static void numbers(void **state) {
        uint64_t u;
        int64_t i;

        assert_int_equal(parse_u64("0", &u), 0);
        assert_int_equal(parse_u64("18446744073709551615", &u), 0);
        assert_true(u == UINT64_MAX);
        assert_int_equal(parse_u64("18446744073709551616", &u), -ERANGE);
        assert_int_equal(parse_u64("", &u), -EINVAL);
        assert_int_equal(parse_u64(" 1", &u), -EINVAL);
        assert_int_equal(parse_u64("-1", &u), -EINVAL);
        assert_int_equal(parse_u64("0x10", &u), -EINVAL);
        assert_int_equal(parse_i64("-9223372036854775808", &i), 0);
        assert_true(i == INT64_MIN);
        assert_int_equal(parse_i64("9223372036854775808", &i), -ERANGE);
}

static void sizes(void **state) {
        uint64_t u;

        assert_int_equal(parse_size("10GiB", &u), 0);
        assert_true(u == 10ULL << 30);
        assert_int_equal(parse_size("10GB", &u), 0);
        assert_true(u == 10000000000ULL);
        assert_int_equal(parse_size("5", &u), 0);
        assert_true(u == 5);
        assert_int_equal(parse_size("16EiB", &u), -ERANGE);
        assert_int_equal(parse_size("1.5GiB", &u), -EINVAL);
        assert_int_equal(parse_size("GiB", &u), -EINVAL);
        assert_int_equal(parse_size("10gib", &u), -EINVAL);
}

static void names(void **state) {
        assert_true(instance_name_is_valid("c1"));
        assert_true(instance_name_is_valid("a-b-c"));
        assert_false(instance_name_is_valid("1c"));
        assert_false(instance_name_is_valid("c1-"));
        assert_false(instance_name_is_valid("c_1"));
        assert_false(instance_name_is_valid("../c1"));
        assert_false(instance_name_is_valid(""));
        assert_false(instance_name_is_valid("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        assert_true(instance_name_is_valid("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        assert_false(object_name_is_valid(".."));
        assert_false(object_name_is_valid("a/b"));
        assert_false(object_name_is_valid("a\nb"));
        assert_true(interface_name_is_valid("lxdbr0"));
        assert_false(interface_name_is_valid("x"));
        assert_false(interface_name_is_valid("sixteen-letters0"));
}

static void text(void **state) {
        assert_true(text_is_valid("grüße", false));
        assert_false(text_is_valid("a\nb", false));
        assert_true(text_is_valid("a\nb", true));
        assert_false(text_is_valid("\xff", true));
        assert_false(text_is_valid("\xc0\x80", true));
        assert_false(text_is_valid("\xed\xa0\x80", true));
}

static void times(void **state) {
        char buffer[TIME_TEXT_MAX];
        uint64_t u;

        assert_string_equal(time_format(0, buffer), "0001-01-01T00:00:00Z");
        assert_string_equal(time_format(1500000, buffer), "1970-01-01T00:00:01.5Z");
        assert_string_equal(time_format(10, buffer), "1970-01-01T00:00:00.00001Z");
        assert_int_equal(time_parse("2026-11-21T21:07:48.029164067Z", &u), 0);
        assert_string_equal(time_format(u, buffer), "2026-11-21T21:07:48.029164Z");
        assert_int_equal(time_parse("2026-11-21T23:07:48+02:00", &u), 0);
        assert_string_equal(time_format(u, buffer), "2026-11-21T21:07:48Z");
        assert_int_equal(time_parse("0001-01-01T00:00:00Z", &u), 0);
        assert_true(u == 0);
        assert_int_equal(time_parse("2026-11-21", &u), -EINVAL);
        assert_int_equal(time_parse("2026-11-21T21:07:48", &u), -EINVAL);
        assert_int_equal(time_parse("2026-11-21T21:07:48.Z", &u), -EINVAL);
        assert_int_equal(parse_expiry("1d 2H", 0, &u), 0);
        assert_true(u == 26 * 3600 * USEC_PER_SEC);
        assert_int_equal(parse_expiry("1x", 0, &u), -EINVAL);
}

static void vectors(void **state) {
        _cleanup_strv_free_ Strv v = NULL;
        _cleanup_free_ char *s = NULL;

        assert_int_equal(strv_split(" a, b ,,c", ",", &v), 0);
        assert_int_equal(strv_length(v), 3);
        assert_int_equal(strv_join(v, "-", &s), 0);
        assert_string_equal(s, "a-b-c");
        assert_true(strv_contains(v, "b"));
}

static void maps(void **state) {
        _cleanup_(config_done) Config c = {}, d = {};
        _cleanup_(devices_done) Devices devices = {};

        assert_int_equal(config_set(&c, "b", "2"), 0);
        assert_int_equal(config_set(&c, "a", "1"), 0);
        assert_int_equal(config_set(&c, "c", "3"), 0);
        assert_int_equal(config_set(&c, "b", "22"), 0);
        assert_int_equal(c.n, 3);
        assert_string_equal(c.items[0].key, "a");
        assert_string_equal(config_get(&c, "b"), "22");
        assert_int_equal(config_copy(&c, &d), 0);
        assert_true(config_equal(&c, &d));
        assert_int_equal(config_set(&d, "a", ""), 0);
        assert_int_equal(config_merge(&c, &d, true), 0);
        assert_null(config_get(&c, "a"));
        config_remove_prefix(&c, "b");
        assert_int_equal(c.n, 1);
        assert_int_equal(devices_set(&devices, "root", &d), 0);
        assert_int_equal(devices_set(&devices, "eth0", &c), 0);
        assert_string_equal(devices.items[0].name, "eth0");
        assert_int_equal(devices_set(&devices, "eth0", NULL), 0);
        assert_int_equal(devices.n, 1);
        assert_true(config_equal(devices_get(&devices, "root"), &d));
        devices_remove_empty(&devices);                 /* "a" */
        assert_int_equal(devices_get(&devices, "root")->n, 2);
        assert_null(config_get(devices_get(&devices, "root"), "a"));
}

/* dnsmasq reads a file once for each event that names it. */
static void file_written_is_one_event(void **state) {
        char dir[] = "/tmp/lxd-test-XXXXXX", buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        _cleanup_close_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        _cleanup_free_ char *path = NULL;
        unsigned named = 0;
        ssize_t n;

        assert_non_null(mkdtemp(dir));
        assert_true(watch >= 0 && inotify_add_watch(watch, dir, IN_CLOSE_WRITE | IN_MOVED_TO) >= 0);
        assert_int_equal(str_format(&path, "%s/file", dir), 0);
        assert_int_equal(file_write_atomic(path, "hello", 5, 0600), 0);
        n = read(watch, buffer, sizeof(buffer));
        for (ssize_t at = 0; at < n;) {
                const struct inotify_event *e = (struct inotify_event *) (buffer + at);

                named += streq(e->name, "file");
                at += (ssize_t) (sizeof(*e) + e->len);
        }
        assert_int_equal(named, 1);
        assert_int_equal(remove_tree_at(AT_FDCWD, dir), 0);
}

static void files(void **state) {
        char dir[] = "/tmp/lxd-test-XXXXXX";
        _cleanup_close_ int dir_fd = -EBADF, fd = -EBADF;
        _cleanup_free_ char *path = NULL, *text_read = NULL;

        assert_non_null(mkdtemp(dir));
        dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(dir_fd >= 0);
        assert_int_equal(str_format(&path, "%s/a/b/file", dir), 0);
        assert_int_equal(mkdirat(dir_fd, "a", 0700), 0);
        assert_int_equal(mkdirat(dir_fd, "a/b", 0700), 0);
        assert_int_equal(file_write_atomic(path, "hello", 5, 0600), 0);
        assert_int_equal(file_read(path, 4, &text_read, NULL), -EFBIG);
        assert_int_equal(file_read(path, 5, &text_read, NULL), 0);
        assert_string_equal(text_read, "hello");
        assert_int_equal(symlinkat("/etc", dir_fd, "escape"), 0);
        assert_true(open_resolve(dir_fd, "escape/passwd", O_RDONLY, 0, RESOLVE_BENEATH) < 0);
        assert_int_equal(open_resolve(dir_fd, "escape/passwd", O_RDONLY, 0, RESOLVE_IN_ROOT), -ENOENT);
        assert_true((fd = open_resolve(dir_fd, "a/b/file", O_RDONLY, 0, RESOLVE_BENEATH)) >= 0);
        assert_int_equal(mknodat(dir_fd, "a/b/file~", S_IFREG | 0600, 0), 0); /* of a writer that was killed */
        assert_int_equal(file_remove(path), 1);
        assert_int_equal(file_remove(path), 0);
        assert_int_equal(unlinkat(dir_fd, "a/b", AT_REMOVEDIR), 0);
        assert_int_equal(remove_tree_at(AT_FDCWD, dir), 0);
        assert_int_equal(access("/etc/passwd", F_OK), 0);
        assert_int_equal(access(dir, F_OK), -1);
}

/* The kernel tells 4096 as the size of each file of sysfs: what counts is what can be read. */
static void files_of_the_kernel(void **state) {
        _cleanup_free_ char *text = NULL;

        if (access("/sys/kernel/uevent_seqnum", R_OK) < 0)
                skip();
        assert_int_equal(file_read("/sys/kernel/uevent_seqnum", 32, &text, NULL), 0);
        assert_true(text[0] >= '0' && text[0] <= '9');
}

static int note(void *userdata) {
        char *s = userdata;

        s[strlen(s) + 1] = '\0';
        s[strlen(s)] = 'x';
        return 0;
}

static void undo(void **state) {
        char ran[8] = "";
        Undo u = {};

        assert_int_equal(undo_push(&u, note, ran, NULL), 0);
        assert_int_equal(undo_push(&u, note, ran, NULL), 0);
        undo_run(&u);
        assert_string_equal(ran, "xx");
        assert_int_equal(undo_push(&u, note, ran, NULL), 0);
        undo_commit(&u);
        assert_string_equal(ran, "xx");
}

static void sockets(void **state) {
        int pair[2], sent[3], came[3];
        size_t n_fds, before;
        char text[8];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        for (size_t i = 0; i < ELEMENTSOF(sent); i++)
                assert_true((sent[i] = memfd_create("fd", MFD_CLOEXEC)) >= 0);
        before = count_fds();

        assert_int_equal(socket_send_fds(pair[0], "abc", 3, sent, 3, 0), 0);
        n_fds = ELEMENTSOF(came);
        assert_int_equal(socket_receive_fds(pair[1], text, sizeof(text), came, &n_fds, MSG_CMSG_CLOEXEC), 3);
        assert_int_equal(n_fds, 3);
        assert_memory_equal(text, "abc", 3);
        for (size_t i = 0; i < n_fds; i++) {
                assert_true(fcntl(came[i], F_GETFD) & FD_CLOEXEC);
                (void) close(came[i]);
        }
        /* Too many descriptors, too long a packet: refused, and nothing of it stays open. */
        assert_int_equal(socket_send_fds(pair[0], "abc", 3, sent, 3, 0), 0);
        n_fds = 2;
        assert_int_equal(socket_receive_fds(pair[1], text, sizeof(text), came, &n_fds, 0), -EBADMSG);
        assert_int_equal(socket_send_fds(pair[0], "abcdefghi", 9, sent, 1, 0), 0);
        n_fds = 2;
        assert_int_equal(socket_receive_fds(pair[1], text, sizeof(text), came, &n_fds, 0), -EBADMSG);
        assert_int_equal(count_fds(), before);

        n_fds = 2;
        assert_int_equal(socket_receive_fds(pair[1], text, sizeof(text), came, &n_fds, MSG_DONTWAIT), -EAGAIN);
        (void) close(pair[0]);
        assert_int_equal(socket_receive_fds(pair[1], text, sizeof(text), came, &n_fds, 0), 0);
        assert_int_equal(socket_send_fds(pair[1], "abc", 3, sent, 3, 0), -EPIPE);
        assert_int_equal(socket_send_fds(pair[1], "abc", 3, sent, SOCKET_FDS_MAX + 1, 0), -E2BIG);
        (void) close(pair[1]);
        for (size_t i = 0; i < ELEMENTSOF(sent); i++)
                (void) close(sent[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers), cmocka_unit_test(sizes), cmocka_unit_test(names), cmocka_unit_test(text),
                cmocka_unit_test(times),   cmocka_unit_test(vectors), cmocka_unit_test(maps), cmocka_unit_test(file_written_is_one_event),
                cmocka_unit_test(files),
                cmocka_unit_test(files_of_the_kernel),
                cmocka_unit_test(undo), cmocka_unit_test(sockets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
