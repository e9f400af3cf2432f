/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the runner: cgroup paths, liblxc's log, the environment and the control packets of a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cgroup.h"
#include "count-fds.h"
#include "guest.h"
#include "hook.h"
#include "session.h"

static bool is_hybrid(const char *directory, bool v2) {
        return v2 ? streq(directory, "/sys/fs/cgroup/unified")
                  : streq(directory, "/sys/fs/cgroup/systemd") || streq(directory, "/sys/fs/cgroup/memory") || streq(directory, "/sys/fs/cgroup/cpu");
}

static bool is_unified(const char *directory, bool v2) {
        return v2 && streq(directory, "/sys/fs/cgroup");
}

static bool is_none(const char *directory, bool v2) {
        return false;
}

static void assert_cgroups(const char *self, const char *init, is_hierarchy_t is_hierarchy, const char *unit, const char *payload) {
        _cleanup_(cgroups_done) Cgroups c = {};

        assert_int_equal(cgroups_parse(self, init, is_hierarchy, &c), 0);
        assert_string_equal(c.unit, unit);
        assert_string_equal(c.payload, payload);
}

static void test_cgroups_hybrid(void **state) {
        assert_cgroups("9:name=systemd:/lxd.slice/lxd-container@1.service\n5:misc:/\n4:memory:/\n3:cpu,cpuacct:/x\n"
                       "0::/lxd.slice/lxd-container@1.service\n",
                       "9:name=systemd:/init.scope\n5:misc:/\n4:memory:/\n3:cpu,cpuacct:/\n0::/init.scope\n", is_hybrid,
                       "lxd.slice/lxd-container@1.service",
                       "name=systemd:/sys/fs/cgroup/systemd/lxd.slice/lxd-container@1.service/payload\n"
                       "memory:/sys/fs/cgroup/memory/lxd.slice/lxd-container@1.service/payload\n"
                       "cpu,cpuacct:/sys/fs/cgroup/cpu/lxd.slice/lxd-container@1.service/payload\n"
                       ":/sys/fs/cgroup/unified/lxd.slice/lxd-container@1.service/payload\n");
}

static void test_cgroups_unified(void **state) {
        assert_cgroups("0::/lxd.slice/lxd-container@7.service\n", "0::/init.scope\n", is_unified, "lxd.slice/lxd-container@7.service",
                       ":/sys/fs/cgroup/lxd.slice/lxd-container@7.service/payload\n");
        /* a command of the service manager for the unit */
        assert_cgroups("0::/lxd.slice/lxd-container@7.service/.control\n", "0::/init.scope\n", is_unified, "lxd.slice/lxd-container@7.service",
                       ":/sys/fs/cgroup/lxd.slice/lxd-container@7.service/payload\n");
        /* PID 1 is itself in a cgroup, without a cgroup namespace */
        assert_cgroups("0::/machine/a/lxd.slice/lxd-container@7.service\n", "0::/machine/a/init.scope\n", is_unified,
                       "lxd.slice/lxd-container@7.service",
                       ":/sys/fs/cgroup/machine/a/lxd.slice/lxd-container@7.service/payload\n");
}

static void test_cgroups_none(void **state) {
        Cgroups c = {};

        assert_int_equal(cgroups_parse("", "", is_unified, &c), -ENOENT);
        assert_int_equal(cgroups_parse("garbage\n:\n", "x", is_unified, &c), -ENOENT);
        assert_int_equal(cgroups_parse("0::/lxd.slice/lxd-container@7.service\n", "0::/init.scope\n", is_none, &c), -ENOENT);
        assert_null(c.unit);
}

static void make_directory(const char *format, ...) printf_like(1, 2);
static void make_directory(const char *format, ...) {
        _cleanup_free_ char *path = NULL;
        va_list ap;

        va_start(ap, format);
        assert_int_equal(str_vformat(&path, format, ap), 0);
        va_end(ap);
        assert_int_equal(mkdir_parents(path, 0755), 0);
}

static bool is_there(const char *dir, const char *name) {
        _cleanup_free_ char *path = NULL;

        assert_int_equal(str_format(&path, "%s/%s", dir, name), 0);
        return access(path, F_OK) >= 0;
}

/* On plain directories, which behave as cgroups do. */
static void test_cgroups_remove(void **state) {
        char dir[] = "/tmp/test-runner-XXXXXX";
        _cleanup_free_ char *payload = NULL;

        assert_non_null(mkdtemp(dir));
        assert_int_equal(str_format(&payload, "name=systemd:%s/m/s/u@1/payload\ncpu:%s/cpu/s/u@1/payload\n", dir, dir), 0);
        make_directory("%s/m/s/u@1/payload/a/b", dir);
        make_directory("%s/cpu/s/u@1/monitor", dir);
        make_directory("%s/cpu/s/u@1/payload", dir);
        assert_true(cgroups_remove(payload));
        assert_true(is_there(dir, "m/s/u@1"));
        assert_false(is_there(dir, "m/s/u@1/payload"));
        assert_false(is_there(dir, "cpu/s"));
        assert_true(cgroups_remove(payload));

        /* Somebody is in it yet: the caller has to try again. */
        make_directory("%s/cpu/s/u@1/busy", dir);
        assert_false(cgroups_remove(payload));
        assert_true(is_there(dir, "cpu/s/u@1/busy"));

        /* Of the others only those without a unit go, and nothing that is none of ours. */
        make_directory("%s/cpu/s/u@2/payload", dir);
        make_directory("%s/cpu/s/u@3/payload", dir);
        make_directory("%s/cpu/s/v@4", dir);
        make_directory("%s/m/s/u@3", dir);
        cgroups_sweep(payload, "u@");
        assert_false(is_there(dir, "cpu/s/u@2"));
        assert_true(is_there(dir, "cpu/s/u@3/payload"));
        assert_true(is_there(dir, "cpu/s/v@4"));
        assert_true(is_there(dir, "cpu/s/u@1"));
        assert_int_equal(remove_tree_at(AT_FDCWD, dir), 0);
}

static void test_log_error(void **state) {
        _cleanup_free_ char *a = guest_log_error(
                "lxc c1 20261121 WARN     conf - ../src/lxc/conf.c:lxc_map_ids:3628 - newuidmap binary is missing\n"
                "lxc c1 20261121 ERROR    cgfsng - ../src/lxc/cgroups/cgfsng.c:x:1 - Permission denied - Failed to create it\n"
                "lxc c1 20261121 ERROR    start - ../src/lxc/start.c:y:2 - Failed to spawn container \"c1\"\n");
        _cleanup_free_ char *b = guest_log_error("lxc c1 20261121 ERROR    start - ../src/lxc/start.c:y:2 - Failed\n");

        assert_string_equal(a, "Failed to create it: Permission denied");
        assert_string_equal(b, "Failed");
        assert_null(guest_log_error(""));
        assert_null(guest_log_error("lxc ERROR \n"));
}

static void test_environment(void **state) {
        char *given[] = { (char *) "A=1", (char *) "HOME=/x", (char *) "A=2", (char *) "bad", (char *) "=c", NULL };
        _cleanup_strv_free_ Strv root = NULL, user = NULL;

        assert_int_equal(session_environment(given, 0, &root), 0);
        assert_true(strv_contains(root, "A=2"));
        assert_false(strv_contains(root, "A=1"));
        assert_true(strv_contains(root, "HOME=/x"));
        assert_false(strv_contains(root, "HOME=/root"));
        assert_true(strv_contains(root, "USER=root"));
        assert_true(strv_contains(root, "LANG=C.UTF-8"));
        assert_false(strv_contains(root, "bad"));
        assert_false(strv_contains(root, "=c"));
        assert_int_equal(session_environment(NULL, 1000, &user), 0);
        STRV_FOREACH(e, user) {
                assert_null(startswith(*e, "HOME="));
                assert_null(startswith(*e, "USER="));
        }
}

static void test_control(void **state) {
        static const char *const bad[] = { "", "resize", "resize 1", "resize 1 2 3", "resize 70000 1", "signal", "signal 0",
                                           "signal 65", "signal 9x", "signal -9", "start 1", "exit 0" };
        SessionControl c = {};

        assert_int_equal(session_parse_control("resize 80 25", &c), 0);
        assert_int_equal(c.width, 80);
        assert_int_equal(c.height, 25);
        assert_int_equal(session_parse_control("signal 15", &c), 0);
        assert_int_equal(c.signal, 15);
        assert_int_equal(session_parse_control("start", &c), 0);
        assert_int_equal(c.type, SESSION_START);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (session_parse_control(bad[i], &c) != -EINVAL)
                        fail_msg("\"%s\" was taken", bad[i]);
}

static int shell_status(const char *command) {
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                (void) execl("/bin/sh", "sh", "-c", command, (char *) NULL);
                _exit(99);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* Our own line, to the letter, is not for the shell, which would not find that program; any other is. */
static void test_hook_in_place(void **state) {
        _cleanup_free_ char *line = NULL, *longer = NULL;

        assert_int_equal(setenv("LXD_CONTAINER_RUNNER", "/nonexistent", 1), 0);
        assert_int_equal(setenv("LXC_HOOK_TYPE", "pre-start", 1), 0);
        assert_int_equal(str_format(&line, "exec %s", hook_command(7)), 0);
        assert_string_equal(line, "exec /nonexistent hook 7");
        assert_int_equal(str_format(&longer, "%s 8", line), 0);
        assert_int_equal(shell_status(line), EXIT_FAILURE);
        assert_int_equal(shell_status(longer), 127);
        assert_int_equal(shell_status("exit 3"), 3);
}

static int wait_for_it(int fd, int milliseconds, void *userdata) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, milliseconds) < 0 ? -errno : 0;
}

static int give_up(int fd, int milliseconds, void *userdata) {
        return -ECANCELED;
}

static void test_host(void **state) {
        _cleanup_free_ char *text = NULL;
        size_t fds = count_fds();

        assert_true(host_has("modules") && host_has("bind /a") && host_has("rbind /a") && !host_has("title") && !host_has("binder"));
        assert_int_equal(host_do("modules", "", wait_for_it, NULL, &text), 0);
        assert_null(text);
        assert_int_equal(host_do("bind /nonexistent/disk.data", "/source", wait_for_it, NULL, &text), -EIO);
        assert_non_null(startswith(text, "Failed to start device \"data\": cannot mount /source: "));
        assert_int_equal(host_do("bind /nonexistent/disk.data", "/source", give_up, NULL, &text), -ECANCELED);
        while (waitpid(-1, NULL, 0) > 0)
                ;
        assert_int_equal(count_fds(), fds);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hook_in_place), cmocka_unit_test(test_host),
                cmocka_unit_test(test_cgroups_hybrid), cmocka_unit_test(test_cgroups_unified),
                cmocka_unit_test(test_cgroups_none),   cmocka_unit_test(test_cgroups_remove),
                cmocka_unit_test(test_log_error),
                cmocka_unit_test(test_environment),    cmocka_unit_test(test_control),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
