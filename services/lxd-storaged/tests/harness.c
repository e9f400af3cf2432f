/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon under test as a process of its own, and the processes that stand in for its peers. */
#include "harness.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

/* cmocka wants its headers before it */
#include <cmocka.h>

#include "base/file.h"
#include "bus-message.h"
#include "bus-server.h"

#define ROOT "/org/lxd/storage1"
#define INTERFACE "org.lxd.storage1."

static int listen_on(const char *path, int type) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_true(strlen(path) < sizeof(a.sun_path));
        strcpy(a.sun_path, path);
        assert_int_equal(bind(fd, (struct sockaddr *) &a, sizeof(a)), 0);
        assert_int_equal(listen(fd, 16), 0);
        return fd;
}

static char *dir_path(Harness *h, const char *name) {
        char *path;

        assert_true(str_format(&path, "%s/%s", h->dir, name) >= 0);
        return path;
}

/* ---- stand-ins for lxd-instanced and lxd-imaged ---- */

static int method_get_used_by(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *name = NULL, *path = NULL, *text = NULL;
        _cleanup_strv_free_ Strv lines = NULL;
        const char *kind;

        assert_true(sd_bus_message_read(m, "st", &kind, NULL) >= 0);
        assert_true(str_format(&name, "used-%s", kind) >= 0);
        path = dir_path(userdata, name);
        if (file_read(path, 65536, &text, NULL) >= 0)
                assert_true(strv_split(text, "\n", &lines) >= 0);
        assert_true(sd_bus_message_new_method_return(m, &reply) >= 0);
        assert_true(sd_bus_message_open_container(reply, 'a', "{sas}") >= 0);
        STRV_FOREACH(line, lines) {
                char *url = strchr(*line, ' ');

                *url++ = '\0';
                assert_true(sd_bus_message_append(reply, "{sas}", *line, 1, url) >= 0);
        }
        assert_true(sd_bus_message_close_container(reply) >= 0);
        return sd_bus_send(NULL, reply, NULL);
}

static int method_open_image(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_close_ int a = memfd_new_sealed("metadata", "meta", 4), b = memfd_new_sealed("rootfs", "root", 4);
        const char *fingerprint;

        assert_true(sd_bus_message_read(m, "st", &fingerprint, NULL) >= 0);
        if (fingerprint[0] == '0')
                return sd_bus_error_setf(error, "org.lxd.Error.NotFound", "Image not found");
        return sd_bus_reply_method_return(m, "hhs", a, b, "split-tar");
}

/* A device that names p/v follows it: its file says what it names now. */
static int method_rename_volume(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *pool, *name, *new_pool, *new_name;
        _cleanup_free_ char *from = NULL, *to = NULL, *path = dir_path(userdata, "device"), *text = NULL;

        assert_true(sd_bus_message_read(m, "ssssst", &pool, NULL, &name, &new_pool, &new_name, NULL) >= 0);
        assert_true(str_format(&from, "%s/%s", pool, name) >= 0 && str_format(&to, "%s/%s", new_pool, new_name) >= 0);
        if (file_read(path, 100, &text, NULL) >= 0 && streq(text, from))
                assert_true(file_write_atomic(path, to, strlen(to), 0600) >= 0);
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable references_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetUsedBy", "st", "a{sas}", method_get_used_by, 0),
        SD_BUS_METHOD("RenameVolume", "ssssst", "", method_rename_volume, 0),
        SD_BUS_VTABLE_END,
};
static const sd_bus_vtable store_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("OpenImage", "st", "hhs", method_open_image, 0),
        SD_BUS_VTABLE_END,
};
static const BusInterface references = { "/org/lxd/instance1", "org.lxd.instance1.References", references_vtable, NULL, NULL };
static const BusInterface store = { "/org/lxd/image1", "org.lxd.image1.Store", store_vtable, NULL, NULL };

static void serve(sd_event *event, Harness *h, const char *socket_name, const char *root, const BusInterface *i) {
        _cleanup_free_ char *path = dir_path(h, socket_name);
        BusServer *server;

        assert_true(bus_server_new(event, root, h, &server) >= 0);
        assert_true(bus_server_add_interface(server, i) >= 0);
        assert_true(bus_server_listen(server, listen_on(path, SOCK_STREAM | SOCK_NONBLOCK)) >= 0);
}

static void run_peers(Harness *h) {
        sd_event *event;

        assert_true(sd_event_default(&event) >= 0);
        serve(event, h, "run/instanced.bus", "/org/lxd/instance1", &references);
        serve(event, h, "run/imaged.bus", "/org/lxd/image1", &store);
        _exit(sd_event_loop(event) < 0);
}

/* ---- stand-in for the unpacker ---- */

static int receive_target(int fd) {
        union {
                char buffer[CMSG_SPACE(4 * sizeof(int))];
                struct cmsghdr align;
        } control;
        char format[64];
        struct iovec iov = { format, sizeof(format) };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
        int fds[4];

        if (send(fd, "ready", 5, MSG_NOSIGNAL) != 5)
                return -EPROTO;
        if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != (ssize_t) strlen("split-tar"))
                return -EPROTO;
        memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fds));
        close(fds[0]);
        close(fds[1]);
        close(fds[3]);
        return fds[2];
}

static void unpack_one(Harness *h, int fd) {
        _cleanup_free_ char *mode_path = dir_path(h, "unpack-mode"), *count_path = dir_path(h, "unpacks"), *mode = NULL;
        _cleanup_close_ int target = receive_target(fd), count = -EBADF, rootfs = -EBADF;

        count = open(count_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (count < 0 || write(count, "x", 1) != 1 || target < 0)
                return;
        (void) file_read(mode_path, 64, &mode, NULL);
        (void) mkdirat(target, "rootfs", 0755);
        rootfs = openat(target, "rootfs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(openat(target, "metadata.yaml", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        close(openat(rootfs, "hello", O_WRONLY | O_CREAT | O_CLOEXEC, 04755));
        (void) !send(fd, "progress 50", 11, 0);
        if (mode && streq(mode, "close"))
                return;
        if (mode && streq(mode, "error"))
                (void) !send(fd, "error org.lxd.Error.InvalidArgument The image is broken", 55, 0);
        else
                (void) !send(fd, "done", 4, 0);
}

static void run_unpacker(Harness *h) {
        _cleanup_free_ char *path = dir_path(h, "run/unpack.socket");
        int fd = listen_on(path, SOCK_SEQPACKET);

        for (;;) {
                int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

                unpack_one(h, connection);
                close(connection);
        }
}

static pid_t start_peer(Harness *h, void (*run)(Harness *h), const char *socket_name) {
        _cleanup_free_ char *path = dir_path(h, socket_name);
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                run(h);
                _exit(1);
        }
        while (access(path, F_OK) < 0)
                (void) poll(NULL, 0, 5);
        return pid;
}

/* ---- the daemon ---- */

static void exec_daemon(Harness *h, const char *crash_at) {
        _cleanup_free_ char *lxd = dir_path(h, "lxd"), *run = dir_path(h, "run"), *unpack = dir_path(h, "run/unpack.socket");
        char pid[32];

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) dup2(h->listen_fd, 3);
        (void) fcntl(3, F_SETFD, 0);
        (void) snprintf(pid, sizeof(pid), "%d", (int) getpid());
        (void) setenv("LISTEN_PID", pid, 1);
        (void) setenv("LISTEN_FDS", "1", 1);
        (void) setenv("LISTEN_FDNAMES", "bus", 1);
        (void) setenv("LXD_DIR", lxd, 1);
        (void) setenv("LXD_RUN_DIR", run, 1);
        (void) setenv("LXD_UNPACK_SOCKET", unpack, 1);
        (void) setenv("LXD_WORKER_DIR", STORAGED_BUILD_DIR, 1);
        (void) setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1);
        if (crash_at)
                (void) setenv("LXD_CRASH_AT", crash_at, 1);
        else
                (void) unsetenv("LXD_CRASH_AT");
        execl(STORAGED_BUILD_DIR "/lxd-storaged", "lxd-storaged", NULL);
        _exit(127);
}

void harness_start(Harness *h, const char *crash_at) {
        _cleanup_free_ char *path = dir_path(h, "run/storaged.bus"), *address = NULL;

        h->daemon = fork();
        assert_true(h->daemon >= 0);
        if (h->daemon == 0)
                exec_daemon(h, crash_at);
        assert_true(str_format(&address, "unix:path=%s", path) >= 0);
        assert_true(sd_bus_new(&h->bus) >= 0);
        assert_true(sd_bus_set_address(h->bus, address) >= 0);
        assert_true(sd_bus_negotiate_fds(h->bus, true) >= 0);
        assert_true(sd_bus_start(h->bus) >= 0);
}

void harness_wait_crash(Harness *h) {
        int status = 0;

        if (h->daemon > 0)
                (void) waitpid(h->daemon, &status, 0);
        h->daemon = 0;
        h->bus = sd_bus_close_unref(h->bus);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

void harness_kill(Harness *h) {
        if (h->daemon > 0) {
                (void) kill(h->daemon, SIGKILL);
                (void) waitpid(h->daemon, NULL, 0);
        }
        h->daemon = 0;
        h->bus = sd_bus_close_unref(h->bus);
}

/* ---- calls ---- */

static int call_va(Harness *h, const char *path, const char *interface, const char *member, const char *types, va_list ap) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *p = NULL, *i = NULL;
        int r;

        assert_true(str_format(&p, ROOT "%s", path) >= 0);
        assert_true(str_format(&i, "%s%s", strchr(interface, '.') ? "" : INTERFACE, interface) >= 0);
        sd_bus_error_free(&h->error);
        h->reply = sd_bus_message_unref(h->reply);
        assert_true(sd_bus_message_new_method_call(h->bus, &m, NULL, p, i, member) >= 0);
        r = sd_bus_message_appendv(m, types, ap);
        assert_true(r >= 0);
        return sd_bus_call(h->bus, m, 120 * 1000000ULL, &h->error, &h->reply);
}

int harness_call(Harness *h, const char *path, const char *interface, const char *member, const char *types, ...) {
        va_list ap;
        int r;

        va_start(ap, types);
        r = call_va(h, path, interface, member, types, ap);
        va_end(ap);
        return r < 0 ? r : 0;
}

/* One look at an operation: its status code; the error text of a failed one goes to h->error. */
static int operation_status(Harness *h, const char *path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *text;
        uint32_t status;
        int r;

        r = sd_bus_call_method(h->bus, NULL, path, "org.lxd.Operation1", "Get", NULL, &reply, "t", (uint64_t) 0);
        if (r < 0)
                return r;
        assert_true(sd_bus_message_enter_container(reply, 'r', "sssuttsa{sas}a{ss}bss") > 0);
        assert_true(sd_bus_message_read(reply, "sssu", NULL, NULL, NULL, &status) > 0);
        assert_true(sd_bus_message_skip(reply, "ttsa{sas}a{ss}b") > 0);
        assert_true(sd_bus_message_read(reply, "s", &text) > 0);
        if (status >= 400)
                (void) sd_bus_error_setf(&h->error, "org.lxd.Error.Failed", "%s", text);
        return (int) status;
}

int harness_operation(Harness *h, const char *path, const char *interface, const char *member, const char *types, ...) {
        _cleanup_free_ char *operation = NULL;
        const char *p;
        va_list ap;
        int r;

        va_start(ap, types);
        r = call_va(h, path, interface, member, types, ap);
        va_end(ap);
        if (r < 0)
                return r;
        assert_true(sd_bus_message_read(h->reply, "o", &p) > 0);
        operation = strdup(p);
        while ((r = operation_status(h, operation)) >= 0 && r < 200)
                (void) poll(NULL, 0, 2);
        return r < 0 ? r : r == 200 ? 0 : -EIO;
}

char *harness_document(Harness *h) {
        char *text = NULL;
        int fd;

        assert_true(sd_bus_message_read(h->reply, "h", &fd) > 0);
        assert_true(fd_read_all(fd, 1 << 20, &text, NULL) >= 0);
        return text;
}

void assert_harness_error(Harness *h, const char *name, const char *text) {
        assert_true(sd_bus_error_is_set(&h->error));
        if (!strstr(h->error.message, text))
                print_error("error text: %s\n", h->error.message);
        assert_non_null(strstr(h->error.message, text));
        assert_string_equal(strrchr(h->error.name, '.') + 1, name);
}

/* ---- files ---- */

static const char *path_va(Harness *h, const char *format, va_list ap) {
        static char buffers[8][512];
        static unsigned next;
        char *b = buffers[next++ % ELEMENTSOF(buffers)];
        int n = snprintf(b, sizeof(buffers[0]), "%s/lxd/", h->dir);

        (void) vsnprintf(b + n, sizeof(buffers[0]) - (size_t) n, format, ap);
        return b;
}

const char *harness_path(Harness *h, const char *format, ...) {
        const char *path;
        va_list ap;

        va_start(ap, format);
        path = path_va(h, format, ap);
        va_end(ap);
        return path;
}

bool harness_exists(Harness *h, const char *format, ...) {
        const char *path;
        va_list ap;

        va_start(ap, format);
        path = path_va(h, format, ap);
        va_end(ap);
        return access(path, F_OK) >= 0;
}

void harness_steer(Harness *h, const char *name, const char *text) {
        _cleanup_free_ char *path = dir_path(h, name);

        assert_true(file_write_atomic(path, text, strlen(text), 0600) >= 0);
}

void assert_harness_device(Harness *h, const char *volume) {
        _cleanup_free_ char *path = dir_path(h, "device"), *text = NULL;

        assert_true(file_read(path, 100, &text, NULL) >= 0);
        assert_string_equal(text, volume);
}

unsigned harness_unpacks(Harness *h) {
        _cleanup_free_ char *path = dir_path(h, "unpacks");
        struct stat st;

        return stat(path, &st) < 0 ? 0 : (unsigned) st.st_size;
}

/* ---- setup ---- */

static bool can_loop(void) {
        _cleanup_close_ int fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        char node[32];
        int index = fd < 0 ? -1 : ioctl(fd, LOOP_CTL_GET_FREE);

        (void) snprintf(node, sizeof(node), "/dev/loop%d", index);
        return geteuid() == 0 && index >= 0 && access(node, F_OK) >= 0 && (access("/usr/bin/mkfs.btrfs", X_OK) >= 0 || access("/sbin/mkfs.btrfs", X_OK) >= 0);
}

int harness_setup(void **state) {
        Harness *h = calloc(1, sizeof(Harness));
        _cleanup_free_ char *run = NULL, *lxd = NULL, *socket_path = NULL;

        assert_non_null(h);
        h->dir = strdup("/tmp/storaged-test-XXXXXX");
        assert_non_null(mkdtemp(h->dir));
        run = dir_path(h, "run");
        lxd = dir_path(h, "lxd");
        assert_int_equal(mkdir(run, 0755), 0);
        assert_int_equal(mkdir(lxd, 0755), 0);
        socket_path = dir_path(h, "run/storaged.bus");
        h->listen_fd = listen_on(socket_path, SOCK_STREAM);
        h->btrfs = can_loop();
        h->peers = start_peer(h, run_peers, "run/imaged.bus");
        h->unpacker = start_peer(h, run_unpacker, "run/unpack.socket");
        harness_start(h, NULL);
        *state = h;
        return 0;
}

/* The orderly end: no leak and no failure on the way out. Who has answered once heeds signals, too. */
static void stop_daemon(Harness *h) {
        int status = 0;

        if (h->bus)
                (void) sd_bus_call_method(h->bus, NULL, ROOT, "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, NULL);
        h->bus = sd_bus_close_unref(h->bus);
        if (h->daemon <= 0)
                return;
        (void) kill(h->daemon, SIGTERM);
        (void) waitpid(h->daemon, &status, 0);
        h->daemon = 0;
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void stop_peer(pid_t pid) {
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
}

int harness_teardown(void **state) {
        Harness *h = *state;
        _cleanup_free_ char *command = NULL;

        stop_daemon(h);
        stop_peer(h->peers);
        stop_peer(h->unpacker);
        close(h->listen_fd);
        sd_bus_error_free(&h->error);
        sd_bus_message_unref(h->reply);
        /* Pools that a failed test left mounted. */
        assert_true(str_format(&command, "for m in %s/lxd/storage-pools/*; do umount \"$m\" 2>/dev/null; done; rm -rf %s", h->dir,
                               h->dir) >= 0);
        if (system(command) != 0)
                print_message("left behind: %s\n", h->dir);
        free(h->dir);
        free(h);
        return 0;
}
