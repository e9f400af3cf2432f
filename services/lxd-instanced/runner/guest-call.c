/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/socket.h"
#include "base/str.h"
#include "guest-call.h"

#define GUEST_PATH "/org/lxd/instance1"
#define GUEST_INTERFACE LXD_BUS_PREFIX ".instance1.Guest"
#define RETRY_MS 100
#define REFUSED_FOR (5 * USEC_PER_SEC)
#define HANDSHAKE_LINES 2U /* OK, AGREE_UNIX_FD */
#define READ_SIZE 4096U

static int wait_for(const GuestCaller *c, int fd, int milliseconds) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (c->wait)
                return c->wait(fd, milliseconds, c->userdata);
        return poll(&p, 1, milliseconds) < 0 && errno != EINTR ? -errno : 0;
}

static void drop(GuestCaller *c, size_t n) {
        if (n < c->size)
                memmove(c->buffer, c->buffer + n, c->size - n);
        c->size -= n;
}

void guest_caller_forget(GuestCaller *c) {
        drop(c, c->answer_size);
        c->answer_size = 0;
        if (c->size > 0)
                return; /* of a message for others, whose rest comes yet */
        free(c->buffer);
        c->buffer = NULL;
        c->allocated = 0;
}

static void hang_up(GuestCaller *c) {
        c->fd = close_safe(c->fd);
        c->answer_size = c->size;
        guest_caller_forget(c);
}

void guest_caller_done(GuestCaller *c) {
        hang_up(c);
        free(c->text);
        *c = GUEST_CALLER();
}

/* ---- one connection ---- */

/* What can be said at once is: lxd-instanced sees who calls. */
static int dial(GuestCaller *c) {
        _cleanup_free_ char *path = NULL, *hello = NULL, *hex = NULL;
        char uid[24];
        int r;

        (void) snprintf(uid, sizeof(uid), "%u", (unsigned) geteuid());
        r = hex_encode(uid, strlen(uid), &hex);
        if (r >= 0)
                r = str_format(&path, "%s/instanced.bus", secure_getenv("LXD_RUN_DIR") ?: LXD_RUN_DIR);
        if (r >= 0)
                r = str_format(&hello, "_AUTH EXTERNAL %s\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", hex);
        if (r < 0)
                return r;
        hello[0] = '\0';
        r = c->fd = socket_connect(path, SOCK_STREAM | SOCK_NONBLOCK); /* with a full queue: EAGAIN */
        c->handshake = HANDSHAKE_LINES;
        return r < 0 ? r : socket_send_fds(c->fd, hello, STRLEN("_") + strlen(hello + 1), NULL, 0, 0);
}

static int read_more(GuestCaller *c) {
        ssize_t n;
        int r;

        if (c->allocated < c->size + READ_SIZE) {
                uint8_t *grown = realloc(c->buffer, 2 * (c->size + READ_SIZE));

                if (!grown)
                        return -ENOMEM;
                c->buffer = grown;
                c->allocated = 2 * (c->size + READ_SIZE);
        }
        r = wait_for(c, c->fd, -1);
        if (r < 0)
                return r;
        n = recv(c->fd, c->buffer + c->size, c->allocated - c->size, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        c->size += (size_t) n;
        return n == 0 ? -ECONNRESET : 0;
}

static int finish_handshake(GuestCaller *c) {
        while (c->handshake > 0) {
                const char *line = (const char *) c->buffer, *end = c->size > 0 ? memchr(line, '\n', c->size) : NULL;

                if (!end) {
                        int r = c->size > READ_SIZE ? -EBADMSG : read_more(c);

                        if (r < 0)
                                return r;
                        continue;
                }
                if (!startswith(line, "OK ") && !startswith(line, "AGREE_UNIX_FD"))
                        return -EBADMSG;
                drop(c, (size_t) (end + 1 - line));
                c->handshake--;
        }
        return 0;
}

/* The answer to the last call; *ret lies in the buffer. Signals are for others. */
static int read_answer(GuestCaller *c, DbusMessage *ret) {
        for (;;) {
                ssize_t n = dbus_message_size(c->buffer, c->size);
                int r;

                if (n < 0)
                        return (int) n;
                if (n == 0 || (size_t) n > c->size) {
                        r = read_more(c);
                        if (r < 0)
                                return r;
                        continue;
                }
                r = dbus_message_parse(c->buffer, (size_t) n, ret);
                c->answer_size = (size_t) n;
                if (r < 0 || (ret->reply_serial == c->serial && (ret->type == DBUS_RETURN || ret->type == DBUS_ERROR)))
                        return r;
                guest_caller_forget(c);
        }
}

/* ---- one call ---- */

typedef struct Call {
        const char *member, *signature;
        void (*append)(DbusWriter *w, const void *argument); /* what stands between the id and the flags; NULL: nothing */
        const void *argument;
        int fd; /* -EBADF: none */
} Call;

static int call_once(GuestCaller *c, const Call *call, DbusMessage *ret) {
        _cleanup_dbus_writer_ DbusWriter w = {};
        size_t n_fds = call->fd >= 0;
        int r = 0;

        guest_caller_forget(c);
        if (c->fd < 0)
                r = dial(c);
        /* sd-bus closes descriptors that it finds next to the handshake. */
        if (r >= 0 && n_fds > 0)
                r = finish_handshake(c);
        if (r < 0)
                return r;
        dbus_call_begin(&w, ++c->serial, GUEST_PATH, GUEST_INTERFACE, call->member, call->signature, (uint32_t) n_fds);
        dbus_add_u64(&w, c->id);
        if (call->append)
                call->append(&w, call->argument);
        dbus_add_u64(&w, 0);
        r = dbus_call_end(&w);
        if (r >= 0)
                r = socket_send_fds(c->fd, w.data, w.size, &call->fd, n_fds, 0);
        if (r >= 0)
                r = finish_handshake(c);
        return r < 0 ? r : read_answer(c, ret);
}

/* Nobody listens: the socket was stopped by somebody, and a start of it may even wait for the end of this unit. */
static bool is_refused(int r) {
        return r == -ECONNREFUSED || r == -ENOENT;
}

static bool is_disconnect(int r) {
        return is_refused(r) || r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE || r == -ESHUTDOWN || r == -EAGAIN;
}

static int take_error(GuestCaller *c, DbusMessage *m) {
        const char *text = "";

        if (m->signature[0] == 's')
                (void) dbus_get_string(&m->body, &text);
        if (isempty(text))
                text = m->error_name ?: "lxd-instanced refuses, without a reason";
        (void) str_replace(&c->text, text);
        return -EREMOTEIO;
}

static int call_until_answered(GuestCaller *c, const Call *call, DbusMessage *ret) {
        uint64_t begin = now_monotonic(), refused_since = 0;

        (void) str_replace(&c->text, NULL);
        for (;;) {
                uint64_t now;
                int r;

                r = call_once(c, call, ret);
                if (r >= 0)
                        return ret->type == DBUS_ERROR ? take_error(c, ret) : 0;
                hang_up(c);
                if (!is_disconnect(r))
                        return r;
                now = now_monotonic();
                refused_since = !is_refused(r) ? 0 : refused_since ?: now;
                if (now > begin + GUEST_CALL_MAX || (refused_since > 0 && now > refused_since + REFUSED_FOR)) {
                        (void) str_format(&c->text, "lxd-instanced does not answer %s: %s", call->member, strerror(-r));
                        return -EHOSTDOWN;
                }
                r = wait_for(c, -EBADF, RETRY_MS);
                if (r < 0)
                        return r;
        }
}

/* ---- the calls ---- */

static void append_pid(DbusWriter *w, const void *argument) {
        dbus_add_u32(w, (uint32_t) *(const pid_t *) argument);
}

static void append_string(DbusWriter *w, const void *argument) {
        dbus_add_string(w, argument);
}

static void append_first_fd(DbusWriter *w, const void *argument) {
        dbus_add_u32(w, 0);
}

int guest_call_prepare(GuestCaller *c, DbusMessage *ret) {
        int r = call_until_answered(c, &(Call) { "PrepareGuest", "tt", NULL, NULL, -EBADF }, ret);

        return r >= 0 && !streq(ret->signature, "sa(ss)a{ss}") ? -EBADMSG : r;
}

int guest_call_connect(GuestCaller *c, int netns) {
        DbusMessage answer;

        return call_until_answered(c, &(Call) { "ConnectGuest", "tht", append_first_fd, NULL, netns }, &answer);
}

int guest_call_started(GuestCaller *c, pid_t init) {
        DbusMessage answer;

        return call_until_answered(c, &(Call) { "GuestStarted", "tut", append_pid, &init, -EBADF }, &answer);
}

int guest_call_stopped(GuestCaller *c, const char *reason) {
        DbusMessage answer;

        return call_until_answered(c, &(Call) { "GuestStopped", "tst", append_string, reason, -EBADF }, &answer);
}
