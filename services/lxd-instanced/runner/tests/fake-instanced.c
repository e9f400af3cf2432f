/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for lxd-instanced in tests of the runner: serves Guest on the private socket; the plan of guest ID is the file
 * DIR/ID.plan ("key=value" lines; "option:" in front of options, "name:" the name, "error:" an error); calls go to DIR/calls. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "bus-server.h"

static const char *directory;

static int note(const char *format, ...) printf_like(1, 2);
static int note(const char *format, ...) {
        _cleanup_free_ char *path = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        va_list ap;

        if (str_format(&path, "%s/calls", directory) < 0 || !(f = fopen(path, "ae")))
                return -EIO;
        va_start(ap, format);
        (void) vfprintf(f, format, ap);
        va_end(ap);
        return 0;
}

static int append_pairs(sd_bus_message *m, const char *text, const char *type, const char *prefix) {
        _cleanup_free_ char *copy = strdup(text);
        char *position = copy, *line;
        int r;

        r = sd_bus_message_open_container(m, 'a', type);
        while (r >= 0 && (line = strsep(&position, "\n"))) {
                const char *rest = *prefix ? startswith(line, prefix) : strchr(line, ':') < strchr(line, '=') && strchr(line, ':')
                                                                              ? NULL : line;
                char *equal = strchr(line, '=');

                if (!rest || !equal || startswith(line, "name:") || startswith(line, "error:") || startswith(line, "refuse-network:"))
                        continue;
                *equal = '\0';
                r = sd_bus_message_append(m, type, rest, equal + 1);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int line_value(const char *text, const char *prefix, char **ret) {
        const char *p = strstr(text, prefix);

        *ret = p ? strndup(p + strlen(prefix), strcspn(p + strlen(prefix), "\n")) : NULL;
        return *ret != NULL;
}

static int method_prepare(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *path = NULL, *text = NULL, *name = NULL, *refuse = NULL;
        uint64_t id, flags;
        int r;

        r = sd_bus_message_read(m, "tt", &id, &flags);
        if (r < 0)
                return r;
        (void) note("PrepareGuest %" PRIu64 "\n", id);
        r = str_format(&path, "%s/%" PRIu64 ".plan", directory, id);
        if (r >= 0)
                r = file_read(path, 1024 * 1024, &text, NULL);
        if (r < 0)
                return r;
        if (line_value(text, "error:", &refuse))
                return sd_bus_error_setf(error, LXD_ERROR_INVALID, "%s", refuse);
        (void) line_value(text, "name:", &name);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", strempty(name));
        if (r >= 0)
                r = append_pairs(reply, text, "(ss)", "");
        if (r >= 0)
                r = append_pairs(reply, text, "{ss}", "option:");
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* "refuse-network:TEXT" in the plan: it cannot be made. */
static int method_connect(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL, *text = NULL, *refuse = NULL;
        uint64_t id, flags;
        struct stat st;
        int fd, r;

        r = sd_bus_message_read(m, "tht", &id, &fd, &flags);
        if (r >= 0 && fstat(fd, &st) < 0)
                r = -errno;
        if (r >= 0)
                r = str_format(&path, "%s/%" PRIu64 ".plan", directory, id);
        if (r >= 0)
                r = file_read(path, 1024 * 1024, &text, NULL);
        if (r < 0)
                return r;
        (void) note("ConnectGuest %" PRIu64 " %" PRIu64 "\n", id, (uint64_t) st.st_ino);
        if (line_value(text, "refuse-network:", &refuse))
                return sd_bus_error_setf(error, LXD_ERROR_INVALID, "%s", refuse);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_started(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t id, flags;
        uint32_t pid;
        int r;

        r = sd_bus_message_read(m, "tut", &id, &pid, &flags);
        if (r < 0)
                return r;
        (void) note("GuestStarted %" PRIu64 " %u\n", id, pid);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_stopped(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *reason;
        uint64_t id, flags;
        int r;

        r = sd_bus_message_read(m, "tst", &id, &reason, &flags);
        if (r < 0)
                return r;
        (void) note("GuestStopped %" PRIu64 " %s\n", id, reason);
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("PrepareGuest", "tt", "sa(ss)a{ss}", method_prepare, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ConnectGuest", "tht", NULL, method_connect, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GuestStarted", "tut", NULL, method_started, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GuestStopped", "tst", NULL, method_stopped, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static const BusInterface guest_interface = {
        .path = "/org/lxd/instance1", .interface = LXD_BUS_PREFIX ".instance1.Guest", .vtable = vtable,
};

static int listen_socket(void) {
        struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = LXD_RUN_DIR "/instanced.bus" };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        (void) unlink(a.sun_path);
        return fd < 0 || bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0 || listen(fd, 100) < 0 ? -errno : fd;
}

int main(int argc, char **argv) {
        BusServer *server = NULL;
        sd_event *event = NULL;
        int fd, r;

        directory = argc > 1 ? argv[1] : "/run/fake-instanced";
        (void) mkdir(LXD_RUN_DIR, 0711);
        (void) mkdir(directory, 0700);
        fd = listen_socket();
        r = fd < 0 ? fd : sd_event_default(&event);
        if (r >= 0)
                r = bus_server_new(event, "/org/lxd/instance1", NULL, &server);
        if (r >= 0)
                r = bus_server_add_interface(server, &guest_interface);
        if (r >= 0)
                r = bus_server_listen(server, fd);
        if (r >= 0)
                r = sd_event_loop(event);
        (void) fprintf(stderr, "fake-instanced: %s\n", strerror(-r));
        return EXIT_FAILURE;
}
