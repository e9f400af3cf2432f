/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's calls to a runner: one connection, one request, one answer each, on the daemon's event loop. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/socket.h"
#include "bus-error.h"
#include "guest-control.h"
#include "guest-message.h"

struct GuestCall {
        sd_event_source *source;
        int fd;
        int pipes[3];     /* our ends, for exec */
        bool wants_control;
        guest_reply_t callback;
        void *userdata;
};

GuestCall *guest_call_free(GuestCall *c) {
        if (!c)
                return NULL;
        sd_event_source_disable_unref(c->source);
        closep(&c->fd);
        for (size_t i = 0; i < ELEMENTSOF(c->pipes); i++)
                closep(&c->pipes[i]);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(GuestCall, guest_call_free)

static int call_not_running(uint64_t id, int r, sd_bus_error *error) {
        if (r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET || r == -EPIPE)
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE, "The instance is not running");
        return bus_error_set(error, LXD_ERROR_FAILED, "Failed to reach the runner of instance %" PRIu64 ": %s", id,
                             strerror(-r));
}

static int call_connect(uint64_t id) {
        _cleanup_free_ char *path = NULL;
        int r = guest_run_path(id, "control", &path);

        return r < 0 ? r : socket_connect(path, SOCK_SEQPACKET | SOCK_NONBLOCK);
}

/* The descriptors of the caller of a successful call, in the order that the header promises. */
static size_t call_take_fds(GuestCall *c, GuestMessage *m, int fds[static GUEST_MESSAGE_FDS_MAX + 4]) {
        size_t n = 0;

        for (size_t i = 0; i < m->n_fds; i++)
                fds[n++] = guest_message_take_fd(m, i);
        for (size_t i = 0; i < ELEMENTSOF(c->pipes); i++)
                if (c->pipes[i] >= 0)
                        fds[n++] = TAKE_FD(c->pipes[i]);
        if (c->wants_control)
                fds[n++] = TAKE_FD(c->fd);
        return n;
}

static void call_finish(GuestCall *c, int q, GuestMessage *m) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int fds[GUEST_MESSAGE_FDS_MAX + 4], r = 0;
        size_t n = 0;

        if (q == 0 || q == -ECONNRESET)
                r = bus_error_set(&error, LXD_ERROR_UNAVAILABLE, "The instance has stopped");
        else if (q < 0)
                r = bus_error_set(&error, LXD_ERROR_FAILED, "Failed to read the answer of the runner: %s", strerror(-q));
        else if (streq(guest_message_verb(m), "ok"))
                n = call_take_fds(c, m, fds);
        else
                r = bus_error_set(&error, guest_message_get(m, "name") ?: LXD_ERROR_FAILED, "%s",
                                  guest_message_get(m, "text") ?: "The runner gave no reason");
        sd_event_source_disable_unref(c->source);
        c->source = NULL;
        c->callback(r, r < 0 ? &error : NULL, fds, n, c->userdata);
}

static int call_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        _cleanup_message_ GuestMessage m = {};
        GuestCall *c = userdata;
        int q = guest_message_receive(fd, &m);

        if (q == -EAGAIN)
                return 0;
        call_finish(c, q, &m);
        guest_call_free(c);
        return 0;
}

static int call_new(guest_reply_t callback, void *userdata, GuestCall **ret) {
        GuestCall *c = malloc(sizeof(*c));

        if (!c)
                return -ENOMEM;
        *c = (GuestCall) { .fd = -EBADF, .pipes = { -EBADF, -EBADF, -EBADF }, .callback = callback, .userdata = userdata };
        *ret = c;
        return 0;
}

/* Sends the request. Owns c from here on, whatever happens. */
static int call_send(sd_event *event, uint64_t id, GuestCall *call, const GuestMessage *m, GuestCall **ret_call,
                     sd_bus_error *error) {
        _cleanup_(guest_call_freep) GuestCall *c = call;
        int r;

        c->fd = call_connect(id);
        r = c->fd < 0 ? c->fd : guest_message_send(c->fd, m);
        if (r < 0)
                return call_not_running(id, r, error);
        r = sd_event_add_io(event, &c->source, c->fd, EPOLLIN, call_readable, c);
        if (r < 0)
                return bus_error_ensure(error, r);
        if (ret_call)
                *ret_call = c;
        TAKE_PTR(c);
        return 0;
}

/* A request whose fields are in m already. */
static int call_simple(sd_event *event, uint64_t id, int built, const GuestMessage *m, guest_reply_t callback,
                       void *userdata, GuestCall **ret_call, sd_bus_error *error) {
        GuestCall *c;
        int r = built;

        if (r >= 0)
                r = call_new(callback, userdata, &c);
        return r < 0 ? bus_error_ensure(error, r) : call_send(event, id, c, m, ret_call, error);
}

#define DEFINE_PLAIN_CALL(name, verb)                                                                          \
        int name(sd_event *event, uint64_t id, guest_reply_t callback, void *userdata, GuestCall **ret_call,   \
                 sd_bus_error *error) {                                                                        \
                _cleanup_message_ GuestMessage m = {};                                                         \
                                                                                                               \
                return call_simple(event, id, guest_message_begin(&m, verb), &m, callback, userdata, ret_call, \
                                   error);                                                                     \
        }

DEFINE_PLAIN_CALL(guest_ping, "ping")
DEFINE_PLAIN_CALL(guest_shutdown, "shutdown")
DEFINE_PLAIN_CALL(guest_kill, "kill")
DEFINE_PLAIN_CALL(guest_freeze, "freeze")
DEFINE_PLAIN_CALL(guest_unfreeze, "unfreeze")

int guest_cgroup_set(sd_event *event, uint64_t id, const char *file, const char *value, guest_reply_t callback, void *userdata,
                     GuestCall **ret_call, sd_bus_error *error) {
        _cleanup_message_ GuestMessage m = {};
        int r;

        r = guest_message_begin(&m, "cgroup-set");
        if (r >= 0)
                r = guest_message_add(&m, "file", file);
        if (r >= 0)
                r = guest_message_add(&m, "value", value);
        return call_simple(event, id, r, &m, callback, userdata, ret_call, error);
}

/* LXD takes "mnt" for "/mnt". */
static int add_path(GuestMessage *m, const char *key, const char *path) {
        return guest_message_addf(m, key, "%s%s", path[0] == '/' ? "" : "/", path);
}

int guest_mount_remove(sd_event *event, uint64_t id, const char *target, guest_reply_t callback, void *userdata,
                       GuestCall **ret_call, sd_bus_error *error) {
        _cleanup_message_ GuestMessage m = {};
        int r;

        r = guest_message_begin(&m, "mount-remove");
        if (r >= 0)
                r = add_path(&m, "target", target);
        return call_simple(event, id, r, &m, callback, userdata, ret_call, error);
}

static int add_flag(GuestMessage *m, const char *key, bool on) {
        return on ? guest_message_add(m, key, "1") : 0;
}

int guest_mount_add(sd_event *event, uint64_t id, const GuestMount *mount, guest_reply_t callback, void *userdata,
                    GuestCall **ret_call, sd_bus_error *error) {
        _cleanup_message_ GuestMessage m = {};
        int r;

        r = guest_message_begin(&m, "mount-add");
        if (r >= 0)
                r = add_path(&m, "target", mount->target);
        if (r >= 0)
                r = mount->source_fd >= 0 ? guest_message_add_fd(&m, mount->source_fd)
                                          : guest_message_add(&m, "source", mount->source);
        if (r >= 0 && mount->propagation)
                r = guest_message_add(&m, "propagation", mount->propagation);
        if (r >= 0)
                r = add_flag(&m, "readonly", mount->flags & GUEST_MOUNT_READONLY);
        if (r >= 0)
                r = add_flag(&m, "recursive", mount->flags & GUEST_MOUNT_RECURSIVE);
        if (r >= 0)
                r = add_flag(&m, "shift", mount->flags & GUEST_MOUNT_SHIFT);
        if (r >= 0)
                r = add_flag(&m, "optional", mount->flags & GUEST_MOUNT_OPTIONAL);
        return call_simple(event, id, r, &m, callback, userdata, ret_call, error);
}

static int call_device(sd_event *event, uint64_t id, const char *verb, const GuestDevice *d, guest_reply_t callback,
                       void *userdata, GuestCall **ret_call, sd_bus_error *error) {
        _cleanup_message_ GuestMessage m = {};
        int r;

        r = guest_message_begin(&m, verb);
        if (r >= 0)
                r = add_path(&m, "path", d->path);
        if (r >= 0)
                r = guest_message_addf(&m, "mode", "%u", d->mode);
        if (r >= 0)
                r = guest_message_addf(&m, "major", "%u", major(d->device));
        if (r >= 0)
                r = guest_message_addf(&m, "minor", "%u", minor(d->device));
        if (r >= 0)
                r = guest_message_addf(&m, "uid", "%u", d->uid);
        if (r >= 0)
                r = guest_message_addf(&m, "gid", "%u", d->gid);
        if (r >= 0 && d->shared)
                r = guest_message_add(&m, "shared", "");
        return call_simple(event, id, r, &m, callback, userdata, ret_call, error);
}

int guest_device_add(sd_event *event, uint64_t id, const GuestDevice *device, guest_reply_t callback, void *userdata,
                     GuestCall **ret_call, sd_bus_error *error) {
        return call_device(event, id, "device-add", device, callback, userdata, ret_call, error);
}

int guest_device_remove(sd_event *event, uint64_t id, const GuestDevice *device, guest_reply_t callback, void *userdata,
                        GuestCall **ret_call, sd_bus_error *error) {
        return call_device(event, id, "device-remove", device, callback, userdata, ret_call, error);
}

int guest_console(sd_event *event, uint64_t id, unsigned width, unsigned height, guest_reply_t callback, void *userdata,
                  GuestCall **ret_call, sd_bus_error *error) {
        _cleanup_message_ GuestMessage m = {};
        GuestCall *c;
        int r;

        r = guest_message_begin(&m, "console");
        if (r >= 0)
                r = guest_message_addf(&m, "width", "%u", width);
        if (r >= 0)
                r = guest_message_addf(&m, "height", "%u", height);
        if (r >= 0)
                r = call_new(callback, userdata, &c);
        if (r < 0)
                return bus_error_ensure(error, r);
        c->wants_control = true;
        return call_send(event, id, c, &m, ret_call, error);
}

static int exec_message(const GuestExec *e, GuestMessage *m) {
        int r;

        r = guest_message_begin(m, "exec");
        if (r >= 0)
                r = guest_message_add_all(m, "arg", e->argv);
        if (r >= 0)
                r = guest_message_add_all(m, "env", e->env);
        if (r >= 0)
                r = guest_message_add(m, "cwd", strempty(e->cwd));
        if (r >= 0)
                r = guest_message_addf(m, "uid", "%u", e->uid);
        if (r >= 0)
                r = guest_message_addf(m, "gid", "%u", e->gid);
        if (r >= 0)
                r = guest_message_addf(m, "width", "%u", e->width);
        if (r >= 0)
                r = guest_message_addf(m, "height", "%u", e->height);
        if (r >= 0)
                r = guest_message_add(m, "stdio", e->flags & GUEST_EXEC_INTERACTIVE ? "pty" : "fds");
        if (r >= 0)
                r = add_flag(m, "hold", e->flags & GUEST_EXEC_HOLD);
        return r;
}

/* The command's ends of the three pipes go into theirs, ours into the call. */
static int exec_pipes(GuestCall *c, int theirs[static 3]) {
        for (size_t i = 0; i < 3; i++) {
                int p[2];

                if (pipe2(p, O_CLOEXEC) < 0)
                        return -errno;
                theirs[i] = p[i == 0 ? 0 : 1];
                c->pipes[i] = p[i == 0 ? 1 : 0];
        }
        return 0;
}

static int exec_fds(const GuestExec *e, GuestCall *c, GuestMessage *m, int theirs[static 3]) {
        _cleanup_close_ int null = -EBADF;
        int r = 0;

        if (e->flags & GUEST_EXEC_INTERACTIVE)
                return 0;
        if (e->flags & GUEST_EXEC_PIPES)
                r = exec_pipes(c, theirs);
        else
                for (size_t i = 0; r >= 0 && i < 3; i++) {
                        theirs[i] = e->stdio[i] >= 0 ? fcntl(e->stdio[i], F_DUPFD_CLOEXEC, 3)
                                                     : open("/dev/null", O_RDWR | O_CLOEXEC);
                        if (theirs[i] < 0)
                                r = -errno;
                }
        for (size_t i = 0; r >= 0 && i < 3; i++)
                r = guest_message_add_fd(m, theirs[i]);
        return r;
}

int guest_exec(sd_event *event, uint64_t id, const GuestExec *exec, guest_reply_t callback, void *userdata, GuestCall **ret_call,
               sd_bus_error *error) {
        _cleanup_message_ GuestMessage m = {};
        int theirs[3] = { -EBADF, -EBADF, -EBADF }, r;
        GuestCall *c = NULL;

        if (!exec->argv || !exec->argv[0])
                return bus_error_set(error, LXD_ERROR_INVALID, "No command was given");
        r = exec_message(exec, &m);
        if (r >= 0)
                r = call_new(callback, userdata, &c);
        if (r >= 0)
                r = exec_fds(exec, c, &m, theirs);
        if (r >= 0) {
                c->wants_control = true;
                r = call_send(event, id, TAKE_PTR(c), &m, ret_call, error);
        } else if (r == -E2BIG)
                r = bus_error_set(error, LXD_ERROR_INVALID, "The command and its environment are too long");
        guest_call_free(c);
        for (size_t i = 0; i < 3; i++)
                closep(&theirs[i]);
        return r < 0 ? bus_error_ensure(error, r) : 0;
}
