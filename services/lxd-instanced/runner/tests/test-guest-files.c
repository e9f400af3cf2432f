/* SPDX-License-Identifier: Apache-2.0 */
/* File access through real workers: what is read is what was written, nobody leaves the root, ids are translated, and a killed
 * worker is an error and not a hang. LXD_WORKER_DIR is where lxd-file-worker is. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "bus-error.h"
#include "guest-files.h"

typedef struct Fixture {
        char directory[32], root[48];
        sd_event *event;
        GuestWorkers *files;
        GuestRoot where;
} Fixture;

typedef struct Answer {
        sd_event *event;
        int r, content;
        char name[64], text[256], type[16];
        uid_t uid;
        gid_t gid;
        mode_t mode;
} Answer;

static void on_answer(int r, const sd_bus_error *e, GuestFile *file, void *userdata) {
        Answer *a = userdata;

        a->r = r;
        a->content = file ? TAKE_FD(file->content) : -EBADF;
        (void) snprintf(a->name, sizeof(a->name), "%s", e ? strrchr(e->name, '.') + 1 : "");
        (void) snprintf(a->text, sizeof(a->text), "%s", e ? e->message : "");
        if (file) {
                (void) snprintf(a->type, sizeof(a->type), "%s", file->type);
                a->uid = file->uid;
                a->gid = file->gid;
                a->mode = file->mode;
        }
        if (a->event)
                (void) sd_event_exit(a->event, 0);
}

static void wait_answer(Fixture *f, Answer *a) {
        a->event = sd_event_ref(f->event);
        assert_true(sd_event_loop(f->event) >= 0);
        /* A loop that has ended cannot run again: each call has a loop, and its own workers. */
        f->files = guest_workers_free(f->files);
        f->event = sd_event_unref(f->event);
        a->event = sd_event_unref(a->event);
        assert_int_equal(sd_event_new(&f->event), 0);
        assert_int_equal(guest_workers_new(f->event, &guest_files_workers, &f->files), 0);
}

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        sigset_t mask;

        if (!f || geteuid() != 0)
                exit(77);
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        strcpy(f->directory, "/tmp/test-files-XXXXXX");
        assert_non_null(mkdtemp(f->directory));
        (void) snprintf(f->root, sizeof(f->root), "%s/root", f->directory);
        assert_int_equal(mkdir(f->root, 0755), 0);
        f->where.root_fd = open(f->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(sd_event_new(&f->event), 0);
        assert_int_equal(guest_workers_new(f->event, &guest_files_workers, &f->files), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;
        _cleanup_close_ int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        guest_workers_free(f->files);
        sd_event_unref(f->event);
        (void) close(f->where.root_fd);
        (void) remove_tree_at(tmp, f->directory + STRLEN("/tmp/"));
        free(f);
        return 0;
}

static Answer get(Fixture *f, const char *path) {
        Answer a = {};

        assert_int_equal(guest_files_get(f->files, &f->where, path, on_answer, &a, NULL), 0);
        wait_answer(f, &a);
        return a;
}

static Answer put(Fixture *f, const char *path, const char *type, const char *content, const char *write_mode) {
        GuestFilePut p = { .path = path, .type = type, .uid = -1, .gid = -1, .mode = -1, .write = write_mode };
        _cleanup_close_ int fd = memfd_new_sealed("test", content, strlen(content));
        Answer a = {};

        p.content = fd;
        assert_int_equal(guest_files_put(f->files, &f->where, &p, on_answer, &a, NULL), 0);
        wait_answer(f, &a);
        return a;
}

static Answer delete(Fixture *f, const char *path) {
        Answer a = {};

        assert_int_equal(guest_files_delete(f->files, &f->where, path, on_answer, &a, NULL), 0);
        wait_answer(f, &a);
        return a;
}

static void assert_content(Fixture *f, const char *path, const char *type, const char *expected) {
        _cleanup_free_ char *text = NULL;
        Answer a = get(f, path);

        if (a.r < 0)
                fail_msg("%s: %s", path, a.text);
        assert_string_equal(a.type, type);
        assert_int_equal(fd_read_all(a.content, 1024 * 1024, &text, NULL), 0);
        assert_string_equal(text, expected);
        (void) close(a.content);
}

static void assert_error(Answer a, const char *name) {
        if (a.r >= 0)
                fail_msg("no error; %s expected", name);
        assert_string_equal(a.name, name);
}

static void test_round_trip(void **state) {
        Fixture *f = *state;
        Answer a;

        assert_int_equal(put(f, "/a", "", "hello", "").r, 0);
        assert_content(f, "/a", "file", "hello");
        assert_int_equal(put(f, "a", "file", " more", "append").r, 0);
        assert_content(f, "//a", "file", "hello more");
        assert_int_equal(put(f, "/a", "file", "x", "overwrite").r, 0);
        assert_content(f, "/a", "file", "x");
        a = get(f, "/a");
        assert_int_equal(a.mode, 0644);
        (void) close(a.content);
        assert_int_equal(put(f, "/d", "directory", "", "").r, 0);
        assert_int_equal(put(f, "/d/", "directory", "", "").r, 0); /* again */
        assert_int_equal(put(f, "/d/b\"x", "file", "", "").r, 0);
        assert_int_equal(put(f, "/d/a", "symlink", "../a", "").r, 0);
        assert_content(f, "/d/a", "symlink", "../a");
        a = get(f, "/d");
        assert_int_equal(a.mode, 0750);
        assert_string_equal(a.type, "directory");
        (void) close(a.content);
        assert_error(delete(f, "/d"), "InvalidArgument");
        assert_int_equal(delete(f, "/d/a").r, 0);
        assert_int_equal(delete(f, "/d/b\"x").r, 0);
        assert_int_equal(delete(f, "/d").r, 0);
        assert_error(delete(f, "/d"), "NotFound");
        assert_error(get(f, "/d"), "NotFound");
}

static void test_list(void **state) {
        Fixture *f = *state;

        assert_int_equal(put(f, "/l", "directory", "", "").r, 0);
        assert_int_equal(put(f, "/l/z", "file", "", "").r, 0);
        assert_int_equal(put(f, "/l/a\"b", "file", "", "").r, 0);
        Answer a = get(f, "/l");
        _cleanup_free_ char *text = NULL;

        assert_int_equal(fd_read_all(a.content, 65536, &text, NULL), 0);
        assert_non_null(strstr(text, "\"metadata\":[\"a\\\"b\",\"z\"]"));
        (void) close(a.content);
}

/* Everything that points out of the root, by text or by link, stays inside. */
static void test_escape(void **state) {
        Fixture *f = *state;
        char outside[64];

        (void) snprintf(outside, sizeof(outside), "%s/secret", f->directory);
        assert_int_equal(file_write_atomic(outside, "secret", 6, 0600), 0);
        assert_error(get(f, "/../secret"), "NotFound");
        assert_error(get(f, "../../secret"), "NotFound");
        assert_int_equal(put(f, "/up", "symlink", "..", "").r, 0);
        assert_int_equal(put(f, "/abs", "symlink", f->directory, "").r, 0);
        assert_int_equal(put(f, "/file", "symlink", outside, "").r, 0);
        assert_error(get(f, "/up/secret"), "NotFound");
        assert_error(get(f, "/abs/secret"), "NotFound");
        assert_error(put(f, "/abs/new", "file", "x", ""), "NotFound");
        assert_error(put(f, "/file", "file", "overwritten", ""), "NotFound"); /* the directories do not exist inside */
        assert_int_equal(put(f, "/up/inside", "file", "x", "").r, 0);
        assert_content(f, "/inside", "file", "x");
        assert_error(delete(f, "/up/../../secret"), "NotFound");
        assert_error(delete(f, "/"), "InvalidArgument");
        _cleanup_free_ char *text = NULL;

        assert_int_equal(file_read(outside, 100, &text, NULL), 0);
        assert_string_equal(text, "secret");
}

static void test_links_are_followed_inside(void **state) {
        Fixture *f = *state;

        assert_int_equal(put(f, "/target", "file", "1", "").r, 0);
        assert_int_equal(put(f, "/link", "symlink", "/target", "").r, 0);
        assert_int_equal(put(f, "/link", "file", "2", "").r, 0);
        assert_content(f, "/target", "file", "2");
        assert_error(put(f, "/link", "symlink", "/other", ""), "AlreadyExists");
        assert_error(put(f, "/target", "directory", "", ""), "AlreadyExists");
        assert_int_equal(put(f, "/d", "directory", "", "").r, 0);
        assert_int_equal(put(f, "/d/first", "symlink", "../second", "").r, 0);
        assert_int_equal(put(f, "/second", "symlink", "/d/new", "").r, 0);
        assert_int_equal(put(f, "/d/first", "file", "3", "").r, 0); /* made where the links lead */
        assert_content(f, "/d/new", "file", "3");
        assert_content(f, "/second", "symlink", "/d/new");
        assert_int_equal(put(f, "/loop", "symlink", "loop", "").r, 0);
        assert_error(put(f, "/loop", "file", "", ""), "InvalidArgument");
        assert_error(get(f, "/loop/x"), "InvalidArgument");
        assert_error(put(f, "/target/x", "file", "", ""), "InvalidArgument");
}

static void test_special_files(void **state) {
        Fixture *f = *state;
        char path[64];

        (void) snprintf(path, sizeof(path), "%s/fifo", f->root);
        assert_int_equal(mkfifo(path, 0666), 0);
        (void) snprintf(path, sizeof(path), "%s/null", f->root);
        assert_int_equal(mknod(path, S_IFCHR | 0666, 0x103), 0);
        assert_error(get(f, "/fifo"), "InvalidArgument");
        assert_error(put(f, "/fifo", "file", "x", ""), "InvalidArgument");
        assert_error(get(f, "/null"), "InvalidArgument");
        assert_error(put(f, "/null", "file", "x", ""), "InvalidArgument");
        assert_error(put(f, "/", "file", "x", ""), "InvalidArgument");
        assert_int_equal(delete(f, "/fifo").r, 0);
}

static void test_ids(void **state) {
        Fixture *f = *state;
        char *idmap[] = { (char *) "u 0 100000 65536", (char *) "g 0 200000 65536", NULL }, path[64];
        GuestFilePut p = { .path = "/owned", .uid = 1000, .gid = 1001, .mode = 04711, .content = -EBADF };
        struct stat st;
        Answer a = {};

        f->where.idmap = idmap;
        assert_int_equal(chown(f->root, 100000, 200000), 0);
        assert_int_equal(guest_files_put(f->files, &f->where, &p, on_answer, &a, NULL), 0);
        wait_answer(f, &a);
        assert_int_equal(a.r, 0);
        (void) snprintf(path, sizeof(path), "%s/owned", f->root);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_uid, 101000);
        assert_int_equal(st.st_gid, 201001);
        assert_int_equal(st.st_mode & 07777, 04711);
        a = get(f, "/owned");
        assert_int_equal(a.uid, 1000);
        assert_int_equal(a.gid, 1001);
        assert_int_equal(a.mode, 04711);
        (void) close(a.content);
        p.uid = 70000;
        p.path = "/unmapped";
        assert_int_equal(guest_files_put(f->files, &f->where, &p, on_answer, &a, NULL), 0);
        wait_answer(f, &a);
        assert_error(a, "InvalidArgument");
        assert_error(get(f, "/unmapped"), "NotFound");
        assert_int_equal(chown(path, 0, 0), 0);
        assert_int_equal(chmod(path, 0604), 0);
        a = get(f, "/owned");
        assert_int_equal(a.uid, 65534);
        (void) close(a.content);
}

static void make(const Fixture *f, const char *name, mode_t mode, uid_t uid) {
        char path[80];

        (void) snprintf(path, sizeof(path), "%s/%s", f->root, name);
        assert_int_equal(S_ISDIR(mode) ? mkdir(path, mode) : mknod(path, mode, 0), 0);
        assert_int_equal(chmod(path, mode & 07777), 0);
        assert_int_equal(chown(path, uid, uid), 0);
}

/* What a guest has mounted that is not its own: the kernel's files, folders of the host. Its links lead there, its rights do not. */
static void test_rights_of_the_guest(void **state) {
        char *idmap[] = { (char *) "b 0 100000 65536", NULL };
        Fixture *f = *state;

        make(f, "own", S_IFDIR | 0700, 100000);
        make(f, "own/secret", S_IFREG | 0000, 100001);
        make(f, "host", S_IFDIR | 0755, 0);
        make(f, "host/setting", S_IFREG | 0644, 0);
        make(f, "host/secret", S_IFREG | 0600, 0);
        make(f, "host/closed", S_IFDIR | 0700, 0);
        make(f, "host/half", S_IFREG | 0640, 100000);
        make(f, "host/tmp", S_IFDIR | 01777, 0);
        make(f, "host/tmp/other", S_IFREG | 0644, 0);
        make(f, "host/open", S_IFREG | 0666, 0);
        assert_int_equal(fchownat(f->where.root_fd, "host/half", 100000, 0, 0), 0);
        assert_int_equal(fchownat(f->where.root_fd, "", 100000, 100000, AT_EMPTY_PATH), 0);
        f->where.idmap = idmap;

        assert_int_equal(put(f, "/motd", "symlink", "/host/setting", "").r, 0);
        assert_int_equal(put(f, "/new", "symlink", "/host/new", "").r, 0);
        assert_int_equal(put(f, "/d", "symlink", "/host", "").r, 0);
        assert_error(put(f, "/motd", "file", "x", ""), "NotAuthorized");
        assert_error(put(f, "/motd", "file", "x", "append"), "NotAuthorized");
        assert_error(put(f, "/new", "file", "x", ""), "NotAuthorized");
        assert_error(put(f, "/d/new", "file", "x", ""), "NotAuthorized");
        assert_error(put(f, "/d/new", "directory", "", ""), "NotAuthorized");
        assert_error(put(f, "/d/new", "symlink", "x", ""), "NotAuthorized");
        assert_error(delete(f, "/d/setting"), "NotAuthorized");
        assert_error(delete(f, "/d/tmp/other"), "NotAuthorized");
        assert_error(get(f, "/d/secret"), "NotAuthorized");
        assert_error(get(f, "/d/closed"), "NotAuthorized");
        assert_error(get(f, "/d/half"), "NotAuthorized");
        assert_content(f, "/d/setting", "file", "");
        assert_error(get(f, "/d/new"), "NotFound");

        /* What everybody may and what is the guest's own. */
        assert_int_equal(put(f, "/d", "directory", "", "").r, 0);
        assert_int_equal(put(f, "/d/open", "file", "x", "").r, 0);
        assert_int_equal(put(f, "/d/tmp/mine", "file", "x", "").r, 0);
        assert_int_equal(delete(f, "/d/tmp/mine").r, 0);
        assert_int_equal(put(f, "/own/secret", "file", "x", "").r, 0);
        assert_content(f, "/own/secret", "file", "x");
        assert_int_equal(delete(f, "/own/secret").r, 0);
}

static void test_refused_here(void **state) {
        Fixture *f = *state;
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        GuestFilePut p = { .path = "/x", .uid = -1, .gid = -1, .mode = -1, .content = -EBADF, .type = "bogus" };

        assert_int_equal(guest_files_put(f->files, &f->where, &p, on_answer, NULL, &e), -EINVAL);
        assert_string_equal(e.message, "Bad file type: bogus");
        sd_bus_error_free(&e);
        p.type = "file";
        p.write = "bogus";
        assert_int_equal(guest_files_put(f->files, &f->where, &p, on_answer, NULL, &e), -EINVAL);
        assert_string_equal(e.message, "Bad file write mode: bogus");
        sd_bus_error_free(&e);
        assert_int_equal(guest_files_get(f->files, &f->where, "", on_answer, NULL, &e), -EINVAL);
        assert_string_equal(e.message, "Missing path argument");
        assert_int_equal(guest_workers_pending(f->files), 0);
}

/* A reader that hangs in one call keeps no other from being answered; killed workers are an error of their calls only. */
static void test_busy_and_killed(void **state) {
        Fixture *f = *state;
        GuestFilePut p = { .path = "/slow", .uid = -1, .gid = -1, .mode = -1 };
        Answer slow[20] = {}, quick = { .event = f->event };
        int pipes[20][2];

        for (size_t i = 0; i < ELEMENTSOF(slow); i++) {
                assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
                p.content = pipes[i][0];
                slow[i].r = 1;
                if (i < 15)
                        assert_int_equal(guest_files_put(f->files, &f->where, &p, on_answer, &slow[i], NULL), 0);
        }
        assert_int_equal(guest_files_get(f->files, &f->where, "/", on_answer, &quick, NULL), 0);
        assert_int_equal(guest_workers_pending(f->files), 16);
        (void) sd_event_ref(f->event);
        assert_true(sd_event_loop(f->event) >= 0);
        assert_int_equal(quick.r, 0);
        (void) close(quick.content);
        assert_int_equal(guest_workers_pending(f->files), 15);
        for (size_t i = 0; i < 15; i++)
                assert_int_equal(slow[i].r, 1);
        f->files = guest_workers_free(f->files); /* kills them: no callback */
        for (size_t i = 0; i < ELEMENTSOF(slow); i++) {
                assert_int_equal(slow[i].r, 1);
                (void) close(pipes[i][0]);
                (void) close(pipes[i][1]);
        }
        (void) sd_event_unref(f->event);
        f->event = sd_event_unref(f->event);
        assert_int_equal(sd_event_new(&f->event), 0);
        assert_int_equal(guest_workers_new(f->event, &guest_files_workers, &f->files), 0);
        (void) setenv("LXD_WORKER_DIR", "/nonexistent", 1);
        assert_true(guest_files_get(f->files, &f->where, "/", on_answer, &quick, NULL) < 0);
        assert_int_equal(guest_workers_pending(f->files), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
                cmocka_unit_test_setup_teardown(test_list, setup, teardown),
                cmocka_unit_test_setup_teardown(test_escape, setup, teardown),
                cmocka_unit_test_setup_teardown(test_links_are_followed_inside, setup, teardown),
                cmocka_unit_test_setup_teardown(test_special_files, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rights_of_the_guest, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused_here, setup, teardown),
                cmocka_unit_test_setup_teardown(test_busy_and_killed, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
