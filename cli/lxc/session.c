/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a websocket operation. */

/* How this cannot hang: three things are independent of each other, and each is watched all the time.
 *  - The end of the operation comes from one request, GET .../wait, on a connection of its own, sent before the
 *    websockets are opened. Nothing that happens to the websockets can lose it. If its connection breaks, the
 *    request is sent again.
 *  - Output ends with the server's end mark (an empty text message), with a close, or with the end of the socket.
 *  - Once the operation has ended, output that is still open gets DRAIN_MSEC since its last byte, no more.
 * So the session is over when the operation has ended and the output is drained; neither order of the two
 * matters, and no event of the one kind is waited for on a channel of the other. (A client that finds out about
 * the end from an event stream, or asks only after the output has closed, waits for ever when the operation has
 * been forgotten by then.) */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>

#include "fail.h"
#include "json-value.h"
#include "session.h"
#include "terminal.h"
#include "websocket.h"

#define DRAIN_MSEC 2000                 /* for output behind the operation's end, since the last byte */
#define SILENCE_MSEC 1000               /* of a console whose input has ended */
#define REFUSED_MSEC 1000               /* for the operation to end by itself when a websocket was refused */
#define RETRY_MSEC 100                  /* between tries to ask for the end again */
#define RETRIES_MAX 100
#define STDIN_SIZE 65536

typedef enum ChannelState {
        CHANNEL_NONE,                   /* this kind of session has no such channel */
        CHANNEL_CONNECTING,             /* the upgrade is on its way */
        CHANNEL_OPEN,
        CHANNEL_CLOSED,
} ChannelState;

typedef struct Session Session;

typedef struct Channel {
        Session *session;
        WebSocket *socket;
        ChannelState state;
        int output;                     /* descriptor its data go to, or -EBADF */
} Channel;

/* Names of the channels in the operation's metadata: "0" carries stdin, and all data of a terminal. */
enum { CHANNEL_STDIN, CHANNEL_STDOUT, CHANNEL_STDERR, CHANNEL_CONTROL, _CHANNEL_MAX };
static const char *const channel_names[_CHANNEL_MAX] = { "0", "1", "2", "control" };

struct Session {
        Client *client;
        SessionFlags flags;
        const char *operation;          /* its path, without query */
        Channel channels[_CHANNEL_MAX];
        Terminal terminal;
        int signal_fd;

        HttpConnection *wait;           /* the /wait request, or NULL between two tries */
        unsigned n_retries;
        uint64_t retry_at;              /* ms; 0: not due */

        Reply ended;                    /* the operation, once it has ended */
        bool is_ended;
        bool stdin_done;
        bool escape;                    /* Ctrl-a was typed */
        bool detached;
        uint64_t leave_at;              /* ms: the input of a console has ended, it is left when it is silent until then; 0: not so */
        bool terminal_gone;             /* closed, or the connection to it broke */
        uint64_t deadline;              /* ms: give up output (or a refused session) then; 0: none */
        int broken_pipe;                /* the reader of our output has gone: -EPIPE */
};

static uint64_t now_ms(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

static void session_done(Session *s) {
        terminal_restore(&s->terminal);
        for (size_t i = 0; i < _CHANNEL_MAX; i++)
                websocket_free(s->channels[i].socket);
        http_free(s->wait);
        close_safe(s->signal_fd);
        reply_done(&s->ended);
}

static void channel_close(Channel *ch) {
        if (ch->state == CHANNEL_OPEN)
                websocket_close(ch->socket);
        if (ch->state != CHANNEL_NONE)
                ch->state = CHANNEL_CLOSED;
}

/* Whoever shares the terminal with us may have made it non-blocking. */
static int write_output(int fd, const char *data, size_t n) {
        while (n > 0) {
                ssize_t k = write(fd, data, n);

                if (k >= 0) {
                        data += k;
                        n -= (size_t) k;
                } else if (errno == EAGAIN)
                        (void) poll(&(struct pollfd) { .fd = fd, .events = POLLOUT }, 1, -1);
                else if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

/* Data for stdout or stderr. When nobody reads there any more, the command is told by SIGPIPE as a local one
 * would be; see session_pipe_broken(). */
static int on_data(WebSocket *w, WebSocketType type, const void *data, size_t n, void *userdata) {
        Channel *ch = userdata;
        int r;

        if (ch->output < 0 || type != WEBSOCKET_BINARY)
                return 0;

        r = write_output(ch->output, data, n);
        if (r < 0)
                ch->session->broken_pipe = r;
        if (ch->session->leave_at > 0)
                ch->session->leave_at = now_ms() + SILENCE_MSEC;
        if (ch->session->is_ended)              /* counted from when the reader took it, however slow it is */
                ch->session->deadline = now_ms() + DRAIN_MSEC;
        return r;
}

/* A text message is the server's mark for the end of the stream. */
static int on_end(WebSocket *w, WebSocketType type, void *userdata) {
        Channel *ch = userdata;

        if (type == WEBSOCKET_TEXT && ch != &ch->session->channels[CHANNEL_CONTROL])
                channel_close(ch);
        return 0;
}

static int channel_start(Session *s, unsigned i, struct json_object *fds) {
        Channel *ch = s->channels + i;
        _cleanup_free_ char *path = NULL;
        const char *secret = jstr(fds, channel_names[i]);
        int r;

        if (isempty(secret))
                return 0;
        *ch = (Channel) { .session = s, .state = CHANNEL_CONNECTING, .output = -EBADF };
        if (i == CHANNEL_STDERR)
                ch->output = STDERR_FILENO;
        else if (i == ((s->flags & SESSION_INTERACTIVE) ? CHANNEL_STDIN : CHANNEL_STDOUT))
                ch->output = STDOUT_FILENO;

        path = xformat("%s/websocket", s->operation);
        api_query(&path, "secret", secret);
        r = websocket_start(s->client->socket_path, path, &(WebSocketHandler) { on_data, on_end, ch }, &ch->socket);
        return r < 0 ? client_connection_failed(s->client, r) : 0;
}

static int wait_start(Session *s) {
        _cleanup_free_ char *path = xformat("%s/wait", s->operation);
        int r;

        s->retry_at = 0;
        r = http_connect(s->client->socket_path, &s->wait);
        if (r >= 0)
                r = http_send(s->wait, &(HttpRequest) { .method = "GET", .path = path });
        return r;
}

/* The connection of the /wait request broke, or could not be made: once more in a moment. */
static int wait_failed(Session *s, int error) {
        s->wait = http_free(s->wait);
        if (++s->n_retries > RETRIES_MAX) {
                (void) client_connection_failed(s->client, error);
                return fail_context(-ECONNABORTED, "The command's exit status is not known");
        }
        s->retry_at = now_ms() + RETRY_MSEC;
        return 0;
}

static int wait_read(Session *s) {
        int r;

        r = client_read_reply(s->client, s->wait, &s->ended);
        if (r < 0 && !fail_text())
                return wait_failed(s, r);
        if (r == -ENOENT)
                return fail(-ECONNABORTED, "LXD does not know the operation any more, the command's exit status is lost");
        if (r < 0)
                return r;

        s->wait = http_free(s->wait);
        s->is_ended = true;
        s->deadline = now_ms() + DRAIN_MSEC;
        return 0;
}

/* A refused websocket may mean that the operation is over, which /wait will tell; but a server that waits for
 * all of them would wait for ever. */
static void channel_finish(Channel *ch) {
        Session *s = ch->session;

        if (websocket_finish(ch->socket) >= 0) {
                ch->state = CHANNEL_OPEN;
                return;
        }
        ch->state = CHANNEL_CLOSED;
        if (s->deadline == 0)
                s->deadline = now_ms() + REFUSED_MSEC;
}

static void channel_handle(Channel *ch, short revents) {
        int r;

        if (ch->state == CHANNEL_CONNECTING) {
                if (!(revents & (POLLIN | POLLHUP | POLLERR)))
                        return;
                channel_finish(ch);
                if (ch->state != CHANNEL_OPEN || !websocket_has_input(ch->socket))
                        return;
        }
        if (revents & POLLOUT)
                (void) websocket_flush(ch->socket);
        if (!(revents & (POLLIN | POLLHUP | POLLERR)))
                return;

        r = websocket_read(ch->socket);
        if (r <= 0)
                channel_close(ch);
}

static void control_send(Session *s, const char *format, ...) printf_like(2, 3);
static void control_send(Session *s, const char *format, ...) {
        Channel *ch = s->channels + CHANNEL_CONTROL;
        _cleanup_free_ char *text = NULL;
        va_list ap;

        if (ch->state != CHANNEL_OPEN)
                return;
        va_start(ap, format);
        text = xvformat(format, ap);
        va_end(ap);
        (void) websocket_send(ch->socket, WEBSOCKET_TEXT, text, strlen(text));
}

static void send_signal(Session *s, int sig) {
        control_send(s, "{\"command\":\"signal\",\"signal\":%d}", sig);
}

static void send_size(Session *s) {
        unsigned width, height;

        terminal_size(&width, &height);
        if (width > 0 && height > 0)
                control_send(s, "{\"command\":\"window-resize\",\"args\":{\"width\":\"%u\",\"height\":\"%u\"}}",
                             width, height);
}

/* Signals go to the command. Those that are meant to end us do so if there is no way to it. */
static int handle_signal(Session *s) {
        struct signalfd_siginfo info;

        if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
                return 0;

        if (info.ssi_signo == SIGWINCH) {
                if (s->flags & SESSION_INTERACTIVE)
                        send_size(s);
                return 0;
        }
        if (s->channels[CHANNEL_CONTROL].state != CHANNEL_OPEN)
                return fail(-ECANCELED, "Interrupted by a signal (%s)", strsignal((int) info.ssi_signo));
        send_signal(s, (int) info.ssi_signo);
        return 0;
}

/* Ctrl-a q detaches from a console; Ctrl-a a sends one Ctrl-a. Returns the bytes to send, in place. */
static size_t filter_escape(Session *s, char *data, size_t n) {
        size_t kept = 0;

        for (size_t i = 0; i < n && !s->detached; i++) {
                if (s->escape) {
                        s->escape = false;
                        if (data[i] == 'q')
                                s->detached = true;
                        else
                                data[kept++] = data[i] == 'a' ? '\x01' : data[i];
                } else if (data[i] == '\x01')
                        s->escape = true;
                else
                        data[kept++] = data[i];
        }
        return kept;
}

/* The command is told that no more input comes. A console is left then, when it has said what it says to that. */
static void stdin_finish(Session *s) {
        Channel *ch = s->channels + CHANNEL_STDIN;

        s->stdin_done = true;
        if (s->flags & SESSION_ESCAPE)
                s->leave_at = now_ms() + SILENCE_MSEC;
        else if (ch->state == CHANNEL_OPEN)
                (void) websocket_send(ch->socket, WEBSOCKET_TEXT, "", 0);
}

static void stdin_read(Session *s) {
        static char data[STDIN_SIZE];
        Channel *ch = s->channels + CHANNEL_STDIN;
        ssize_t n = read(STDIN_FILENO, data, sizeof(data));

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n <= 0) {
                s->terminal_gone = terminal_is_gone(&s->terminal);
                stdin_finish(s);
                return;
        }
        if (s->flags & SESSION_ESCAPE)
                n = (ssize_t) filter_escape(s, data, (size_t) n);
        if (n > 0 && websocket_send(ch->socket, WEBSOCKET_BINARY, data, (size_t) n) < 0)
                s->stdin_done = true;
}

/* Input is only read when the last of it has gone out: memory stays bounded whatever is piped in. */
static bool wants_stdin(Session *s) {
        Channel *ch = s->channels + CHANNEL_STDIN;

        return !s->stdin_done && !s->is_ended && ch->state == CHANNEL_OPEN && !websocket_is_sending(ch->socket);
}

static bool output_is_open(Session *s) {
        for (size_t i = 0; i < _CHANNEL_MAX; i++)
                if (s->channels[i].output >= 0 &&
                    (s->channels[i].state == CHANNEL_OPEN || s->channels[i].state == CHANNEL_CONNECTING))
                        return true;
        return false;
}

static int session_timeout(Session *s) {
        uint64_t at = s->deadline, now = now_ms();

        if (s->retry_at > 0 && (at == 0 || s->retry_at < at))
                at = s->retry_at;
        if (s->leave_at > 0 && (at == 0 || s->leave_at < at))
                at = s->leave_at;
        if (at == 0)
                return -1;
        return at > now ? (int) (at - now) : 0;
}

static int handle_time(Session *s) {
        uint64_t now = now_ms();

        s->detached = s->detached || (s->leave_at > 0 && now >= s->leave_at);
        if (s->retry_at > 0 && now >= s->retry_at) {
                int r = wait_start(s);
                if (r < 0) {
                        r = wait_failed(s, r);
                        if (r < 0)
                                return r;
                }
        }
        if (s->deadline > 0 && now >= s->deadline && !s->is_ended) {
                _cleanup_reply_ Reply reply = {};
                Client side = { .socket_path = s->client->socket_path };
                _cleanup_free_ char *why = xstrdup(fail_text());

                (void) client_call(&side, "DELETE", s->operation, NULL, NULL, &reply);
                client_disconnect(&side);
                return fail(-ECONNABORTED, "LXD did not let the session begin: %s", why ?: "a channel was closed early");
        }
        return 0;
}

/* Our stdout or stderr has no reader any more: end the command as a pipe would, and do not wait long for it. What has come meanwhile goes with
 * the connections: the server would wait for us to read it. */
static void session_pipe_broken(Session *s) {
        s->terminal_gone = terminal_is_gone(&s->terminal);
        if (!s->terminal_gone)
                send_signal(s, SIGPIPE);
        for (size_t i = 0; i < _CHANNEL_MAX; i++)
                if (s->channels[i].output >= 0) {
                        channel_close(s->channels + i);
                        s->channels[i].socket = websocket_free(s->channels[i].socket);
                }
        s->broken_pipe = 0;
}

static bool session_is_over(Session *s) {
        if (s->detached)
                return true;
        return s->is_ended && (!output_is_open(s) || now_ms() >= s->deadline);
}

/* One round of the loop: wait for anything, handle all of it. */
static int session_step(Session *s) {
        enum { POLL_STDIN = _CHANNEL_MAX, POLL_SIGNAL, POLL_WAIT, _POLL_MAX };
        struct pollfd p[_POLL_MAX];
        int timeout = session_timeout(s), r;

        for (size_t i = 0; i < _CHANNEL_MAX; i++) {
                Channel *ch = s->channels + i;

                p[i] = (struct pollfd) { .fd = -1 };
                if (ch->state == CHANNEL_CONNECTING)
                        p[i] = (struct pollfd) { .fd = websocket_fd(ch->socket), .events = POLLIN };
                else if (ch->state == CHANNEL_OPEN) {
                        p[i] = (struct pollfd) { .fd = websocket_fd(ch->socket), .events = websocket_events(ch->socket) };
                        if (websocket_has_input(ch->socket))
                                timeout = 0;
                }
        }
        p[POLL_STDIN] = (struct pollfd) { .fd = wants_stdin(s) ? STDIN_FILENO : -1, .events = POLLIN };
        p[POLL_SIGNAL] = (struct pollfd) { .fd = s->signal_fd, .events = POLLIN };
        p[POLL_WAIT] = (struct pollfd) { .fd = s->wait ? http_fd(s->wait) : -1, .events = POLLIN };

        if (poll(p, _POLL_MAX, timeout) < 0)
                return errno == EINTR ? 0 : fail(-errno, "Cannot wait for the session: %m");

        for (size_t i = 0; i < _CHANNEL_MAX; i++) {
                Channel *ch = s->channels + i;

                if (ch->state == CHANNEL_OPEN && websocket_has_input(ch->socket))
                        p[i].revents |= POLLIN;
                if (p[i].revents)
                        channel_handle(ch, p[i].revents);
        }
        if (s->broken_pipe < 0)
                session_pipe_broken(s);
        if (p[POLL_STDIN].revents)
                stdin_read(s);
        if (p[POLL_SIGNAL].revents) {
                r = handle_signal(s);
                if (r < 0)
                        return r;
        }
        if (p[POLL_WAIT].revents) {
                r = wait_read(s);
                if (r < 0)
                        return r;
        }
        if (s->terminal_gone) {         /* the guest's is closed with the connection, so what runs there is told as well */
                send_signal(s, SIGHUP);
                return fail(-EIO, "The terminal went away");
        }
        return handle_time(s);
}

static int open_signals(Session *s) {
        static const int signals[] = {
                SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTSTP, SIGUSR1, SIGUSR2, SIGCONT,
        };
        sigset_t set;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&set, signals[i]);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);

        s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return s->signal_fd < 0 ? fail(-errno, "Cannot watch for signals: %m") : 0;
}

static int session_open(Session *s, struct json_object *operation) {
        struct json_object *fds = jget(operation, "metadata.fds");
        int r;

        if (!json_object_is_type(fds, json_type_object))
                return fail(-EBADMSG, "LXD started an operation without channels for its data");

        r = open_signals(s);
        if (r < 0)
                return r;
        r = wait_start(s);
        if (r < 0)
                return client_connection_failed(s->client, r);
        for (unsigned i = 0; i < _CHANNEL_MAX; i++) {
                r = channel_start(s, i, fds);
                if (r < 0)
                        return r;
        }
        if (s->flags & SESSION_INTERACTIVE)
                terminal_raw(&s->terminal);
        return 0;
}

int session_run(Client *c, const Reply *started, SessionFlags flags, Reply *ret_operation) {
        _cleanup_free_ char *path = NULL;
        Session s = { .client = c, .flags = flags, .signal_fd = -EBADF };
        bool stdin_ready = false;
        int r;

        fail_clear();
        path = xstrndup(strempty(started->operation), strcspn(strempty(started->operation), "?"));
        s.operation = path;

        r = session_open(&s, started->metadata);
        while (r >= 0 && !session_is_over(&s)) {
                r = session_step(&s);
                if (r >= 0 && !stdin_ready && s.channels[CHANNEL_STDIN].state == CHANNEL_OPEN) {
                        stdin_ready = true;
                        if (flags & SESSION_NO_STDIN)
                                stdin_finish(&s);
                }
        }
        channel_close(s.channels + CHANNEL_CONTROL);

        if (r >= 0) {
                fail_clear();
                *ret_operation = s.ended;
                s.ended = (Reply) {};
        }
        session_done(&s);
        return r;
}
