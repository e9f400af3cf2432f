/* SPDX-License-Identifier: Apache-2.0 */
/* Templates through the real worker: what is written where, whose it is, and what hostile volumes cannot do. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "guest-templates.h"

typedef struct Fixture {
        char volume[32];
        int fd;
        Config config;
        GuestTemplates templates;
        int r;
        char text[512];
} Fixture;

static sd_event *event;
static GuestWorkers *workers;

static void workers_begin(void) {
        assert_int_equal(sd_event_new(&event), 0);
        assert_int_equal(guest_workers_new(event, &guest_templates_workers, &workers), 0);
}

static void workers_end(void) {
        workers = guest_workers_free(workers);
        event = sd_event_unref(event);
        while (waitpid(-1, NULL, 0) > 0)
                ;
}

static void on_done(int r, const sd_bus_error *e, void *userdata) {
        Fixture *f = userdata;

        f->r = r;
        (void) snprintf(f->text, sizeof(f->text), "%s", e ? e->message : "");
}

static int setup(void **state) {
        static char *triggers[] = { (char *) "create", (char *) "start", NULL };
        Fixture *f = calloc(1, sizeof(*f));
        sigset_t mask;

        if (!f || geteuid() != 0)
                exit(77);
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        strcpy(f->volume, "/tmp/test-templ-XXXXXX");
        assert_non_null(mkdtemp(f->volume));
        f->fd = open(f->volume, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(mkdirat(f->fd, "rootfs", 0755), 0);
        assert_int_equal(mkdirat(f->fd, "rootfs/etc", 0755), 0);
        assert_int_equal(mkdirat(f->fd, "templates", 0755), 0);
        assert_int_equal(config_set(&f->config, "user.x", "42"), 0);
        f->templates = (GuestTemplates) { .volume = f->volume, .triggers = triggers, .name = "c1", .type = "container",
                                          .architecture = "x86_64", .config = &f->config };
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;
        _cleanup_close_ int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        (void) remove_tree_at(tmp, f->volume + STRLEN("/tmp/"));
        config_done(&f->config);
        (void) close(f->fd);
        free(f);
        return 0;
}

static void make(Fixture *f, const char *path, const char *text) {
        _cleanup_close_ int fd = openat(f->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

/* With workers that are there, or that are made by the first call. */
static int apply_again(Fixture *f) {
        int r;

        f->r = 1;
        r = guest_templates_apply(workers, &f->templates, on_done, f, NULL);
        assert_true(r >= 0);
        if (r == 0)
                return 0;
        while (f->r == 1)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
        return f->r;
}

static int apply(Fixture *f) {
        int r;

        workers_begin();
        r = apply_again(f);
        workers_end();
        return r;
}

static void assert_file(Fixture *f, const char *path, const char *expected) {
        _cleanup_free_ char *text = NULL;

        assert_int_equal(file_read_at(f->fd, path, 65536, &text, NULL), 0);
        assert_string_equal(text, expected);
}

#define HOSTNAME "  /etc/hostname:\n    when: [create, copy]\n    template: hostname.tpl\n"

static void test_nothing(void **state) {
        Fixture *f = *state;

        assert_int_equal(apply(f), 0);
        make(f, "metadata.yaml", "architecture: x86_64\n");
        assert_int_equal(apply(f), 0);
        make(f, "metadata.yaml", "templates: [start]\n");
        assert_int_equal(apply(f), 0);
}

static void test_write(void **state) {
        Fixture *f = *state;
        char *idmap[] = { (char *) "b 0 300000 65536", NULL };
        struct stat st;

        make(f, "metadata.yaml", "templates:\n" HOSTNAME
             "  /var/lib/cloud/seed/x:\n    when:\n    - start\n    template: x.tpl\n    properties:\n      default: |\n        a\n        b\n"
             "  /etc/keep:\n    when: [create]\n    create_only: true\n    template: x.tpl\n"
             "  /etc/not-now:\n    when: [copy]\n    template: x.tpl\n");
        make(f, "templates/hostname.tpl", "{{ container.name }}\n");
        make(f, "templates/x.tpl", "{{ config_get(\"user.x\") }} {{ properties.default }}{{ trigger }}");
        make(f, "rootfs/etc/keep", "kept");
        make(f, "rootfs/etc/hostname", "a name that is longer than the new one");
        f->templates.idmap = idmap;
        if (apply(f) < 0)
                fail_msg("%s", f->text);
        assert_file(f, "rootfs/etc/hostname", "c1\n");
        assert_file(f, "rootfs/var/lib/cloud/seed/x", "42 a\nb\nstart");
        assert_file(f, "rootfs/etc/keep", "kept");
        assert_int_equal(fstatat(f->fd, "rootfs/etc/not-now", &st, 0), -1);
        assert_int_equal(fstatat(f->fd, "rootfs/etc/hostname", &st, 0), 0);
        assert_int_equal(st.st_uid, 300000);
        assert_int_equal(st.st_gid, 300000);
        assert_int_equal(st.st_mode & 07777, 0644);
        assert_int_equal(fstatat(f->fd, "rootfs/var/lib/cloud", &st, 0), 0);
        assert_int_equal(st.st_uid, 300000);
        assert_int_equal(st.st_mode & 07777, 0755);
}

static void test_errors(void **state) {
        Fixture *f = *state;

        make(f, "metadata.yaml", "templates:\n" HOSTNAME);
        assert_true(apply(f) < 0);
        assert_string_equal(f->text, "Failed to read template file \"hostname.tpl\": No such file or directory");
        make(f, "templates/hostname.tpl", "\n{% ssi \"/etc/shadow\" %}");
        assert_true(apply(f) < 0);
        assert_string_equal(f->text, "Failed to render template \"hostname.tpl\" for \"/etc/hostname\": line 2: there is no tag \"ssi\"");
        make(f, "metadata.yaml", "templates: {create");
        assert_true(apply(f) < 0);
        assert_non_null(strstr(f->text, "metadata.yaml cannot be read"));
        make(f, "metadata.yaml", "templates:\n  /etc:\n    when: [create]\n    template: hostname.tpl\n");
        make(f, "templates/hostname.tpl", "x");
        assert_true(apply(f) < 0);
        assert_string_equal(f->text, "Failed to write \"/etc\" from its template: Is a directory");
}

static void refuse(Fixture *f, const char *metadata) {
        make(f, "metadata.yaml", metadata);
        if (apply(f) >= 0)
                fail_msg("taken: %s", metadata);
}

/* Links in the volume, and paths with "..", lead to nothing outside of their own folder. */
static void test_hostile(void **state) {
        Fixture *f = *state;
        struct stat st;

        make(f, "secret", "secret");
        make(f, "templates/t", "written");
        assert_int_equal(symlinkat("../secret", f->fd, "templates/link"), 0);
        assert_int_equal(symlinkat("/", f->fd, "templates/dir"), 0);
        refuse(f, "templates:\n  /a:\n    when: [create]\n    template: ../secret\n");
        refuse(f, "templates:\n  /a:\n    when: [create]\n    template: link\n");
        refuse(f, "templates:\n  /a:\n    when: [create]\n    template: dir/etc/passwd\n");
        refuse(f, "templates:\n  /a:\n    when: [create]\n    template: /etc/passwd\n");
        refuse(f, "templates:\n  /../../secret:\n    when: [create]\n    template: t\n");
        refuse(f, "templates:\n  /..:\n    when: [create]\n    template: t\n");
        assert_int_equal(symlinkat("../../secret", f->fd, "rootfs/etc/hostname"), 0);
        assert_int_equal(symlinkat("..", f->fd, "rootfs/up"), 0);
        make(f, "metadata.yaml", "templates:\n  /etc/hostname:\n    when: [create]\n    template: t\n  /up/secret:\n    when: [create]\n    template: t\n");
        assert_int_equal(apply(f), 0);
        assert_file(f, "secret", "secret");
        assert_file(f, "rootfs/secret", "written"); /* ".." of the root is the root */
        assert_int_equal(fstatat(f->fd, "rootfs/etc/hostname", &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_true(S_ISREG(st.st_mode)); /* the link was replaced, not followed */
        assert_int_equal(unlinkat(f->fd, "metadata.yaml", 0), 0);
        assert_int_equal(symlinkat("secret", f->fd, "metadata.yaml"), 0);
        workers_begin();
        assert_true(guest_templates_apply(workers, &f->templates, on_done, f, NULL) < 0);
        workers_end();
}

/* How many children a process has; the last of them in *ret_pid unless NULL. */
static size_t count_children(pid_t parent, pid_t *ret_pid) {
        _cleanup_free_ char *text = NULL;
        char path[64], *p, *word;
        size_t n = 0;

        (void) snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int) parent, (int) parent);
        assert_true(file_read(path, 4096, &text, NULL) >= 0);
        for (p = text; (word = strsep(&p, " "));)
                if (*word && ++n > 0 && ret_pid)
                        *ret_pid = (pid_t) atoi(word);
        return n;
}

/* One worker serves one instance after the other, nothing of a renderer stays, and an error is the end of all of its processes. */
static void test_again(void **state) {
        Fixture *f = *state;
        pid_t worker = 0, other = 0;

        make(f, "metadata.yaml", "templates:\n" HOSTNAME);
        make(f, "templates/hostname.tpl", "{{ container.name }} {{ config_get(\"user.x\") }}");
        workers_begin();
        assert_int_equal(apply_again(f), 0);
        assert_file(f, "rootfs/etc/hostname", "c1 42");
        assert_int_equal(count_children(getpid(), &worker), 1);
        assert_int_equal(count_children(worker, NULL), 1); /* what makes renderers */
        f->templates.name = "c2";
        f->templates.config = NULL;
        assert_int_equal(apply_again(f), 0);
        assert_file(f, "rootfs/etc/hostname", "c2 ");
        assert_int_equal(count_children(getpid(), &other), 1);
        assert_int_equal(other, worker);
        assert_int_equal(count_children(worker, NULL), 1);
        make(f, "templates/hostname.tpl", "{% nothing %}");
        assert_true(apply_again(f) < 0);
        make(f, "templates/hostname.tpl", "again");
        assert_int_equal(apply_again(f), 0);
        while (count_children(getpid(), &other) > 1)
                assert_true(sd_event_run(event, 10000) >= 0);
        assert_int_not_equal(other, worker);
        workers_end();
}

static void test_cancel(void **state) {
        Fixture *f = *state;

        make(f, "metadata.yaml", "templates:\n" HOSTNAME);
        make(f, "templates/hostname.tpl", "x");
        workers_begin();
        f->r = 1;
        assert_int_equal(guest_templates_apply(workers, &f->templates, on_done, f, NULL), 1);
        workers = guest_workers_free(workers);
        for (size_t i = 0; i < 50; i++)
                assert_true(sd_event_run(event, 10000) >= 0);
        workers_end();
        assert_int_equal(f->r, 1);
}

/* Nobody waits for ever for a worker that was brought to a stand, and the next call meets another. */
static void test_late(void **state) {
        static const GuestWorkersKind impatient = { .name = "template", .max = 1, .call_usec = 100 * USEC_PER_MSEC, .end_by_error = true };
        _cleanup_free_ char *program = NULL, *former = strdup(getenv("LXD_WORKER_DIR"));
        Fixture *f = *state;

        make(f, "metadata.yaml", "templates:\n" HOSTNAME);
        make(f, "templates/hostname.tpl", "x");
        make(f, "lxd-template-worker", "#!/bin/sh\nexec sleep 1000\n");
        assert_int_equal(str_format(&program, "%s/lxd-template-worker", f->volume), 0);
        assert_int_equal(chmod(program, 0700), 0);
        assert_int_equal(setenv("LXD_WORKER_DIR", f->volume, 1), 0);
        assert_int_equal(sd_event_new(&event), 0);
        assert_int_equal(guest_workers_new(event, &impatient, &workers), 0);
        assert_true(apply_again(f) < 0);
        assert_non_null(strstr(f->text, "took longer than"));
        assert_int_equal(guest_workers_pending(workers), 0);
        assert_int_equal(setenv("LXD_WORKER_DIR", former, 1), 0);
        workers_end();
        assert_int_equal(apply(f), 0);
}

int main(void) {
#ifdef __SANITIZE_ADDRESS__
        puts("The renderer's limits leave no room for the address sanitizer's shadow memory");
        return 77;
#endif
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
                cmocka_unit_test_setup_teardown(test_write, setup, teardown),
                cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
                cmocka_unit_test_setup_teardown(test_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
                cmocka_unit_test_setup_teardown(test_late, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
