/* SPDX-License-Identifier: Apache-2.0 */
/* The runner's loop: the control socket, signals, and the children that answer requests. It never waits for anyone. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/socket.h"
#include "notify.h"
#include "runner.h"
#include "trim.h"

int server_listen(Runner *r) {
        _cleanup_free_ char *path = NULL;
        int q;

        q = guest_run_path(r->guest.id, "control", &path);
        if (q < 0)
                return q;
        /* The umask is 0077: root alone may connect from the first moment. */
        q = socket_listen(path, SOCK_SEQPACKET | SOCK_NONBLOCK, SOMAXCONN);
        if (q < 0)
                return q;
        r->listen_fd = q;
        return 0;
}

void child_reset_signals(void) {
        sigset_t none;

        for (int s = 1; s < NSIG; s++)
                (void) signal(s, SIG_DFL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Runs the handler in a child with the connection; the loop forgets both. */
static pid_t server_fork(Runner *r, request_handler_t handler, GuestMessage *m, int connection) {
        pid_t pid = fork();

        if (pid != 0) {
                if (pid < 0)
                        (void) request_answer(connection, -errno, "Failed to fork for the request: %s", strerror(errno));
                return pid;
        }
        (void) prctl(PR_SET_DUMPABLE, 0); /* before it enters the guest: nobody there may look into it */
        closep(&r->listen_fd);
        closep(&r->signal_fd);
        for (size_t i = 0; i < r->n_connections; i++)
                if (r->connections[i].fd != connection)
                        closep(&r->connections[i].fd);
        for (size_t i = 0; i < r->n_waiting; i++)
                closep(&r->waiting[i].fd);
        child_reset_signals();
        (void) fd_set_nonblock(connection, false);
        _exit(handler(r, m, connection));
}

void server_stop_guest(Runner *r) {
        pid_t pid;

        (void) notify_sendf("STOPPING=1\nSTATUS=%s shutting down\nEXTEND_TIMEOUT_USEC=%" PRIu64,
                            r->guest.state.title, (r->guest.shutdown_timeout + 15) * USEC_PER_SEC);
        r->stopping = true;
        r->kill_at = now_monotonic() + r->guest.shutdown_timeout * USEC_PER_SEC;
        pid = fork();
        if (pid == 0) {
                child_reset_signals();
                if (guest_is_frozen(&r->guest) > 0)
                        (void) r->guest.lxc->unfreeze(r->guest.lxc);
                guest_shutdown(&r->guest);
                _exit(0);
        }
        if (pid < 0)
                r->kill_at = now_monotonic();
}

/* Kills the guest. A frozen cgroup v1 keeps its processes from dying, so thawing comes with it. */
static void server_kill_guest(Runner *r) {
        int q = guest_kill_init(&r->guest);

        if (q < 0)
                journal_send(LOG_ERR, "Failed to kill the init process of %s: %s", r->guest.state.title, strerror(-q));
        r->killed = true;
        guest_thaw(&r->guest);
}

static int request_shutdown(Runner *r, GuestMessage *m, int connection) {
        int q = request_answer(connection, 0, NULL); /* the guest's init may not listen yet: nobody else waits for that */

        guest_shutdown(&r->guest);
        return q;
}

typedef struct Request {
        const char *verb;
        request_handler_t handler;
        bool in_turn; /* one after the other: the order matters (memory before memory and swap, freeze before unfreeze) */
} Request;

static const Request requests[] = {
        { "exec", request_exec },
        { "console", request_console },
        { "shutdown", request_shutdown },
        { "freeze", request_freeze, true },
        { "unfreeze", request_unfreeze, true },
        { "cgroup-set", request_cgroup_set, true },
        { "mount-add", request_mount_add },
        { "mount-remove", request_mount_remove },
        { "device-add", request_device_add },
        { "device-remove", request_device_remove },
};

static const Request *find_request(const char *verb) {
        for (size_t i = 0; i < ELEMENTSOF(requests); i++)
                if (streq(requests[i].verb, verb))
                        return &requests[i];
        return NULL;
}

/* Starts the next of those that wait for their turn. */
static void server_next_turn(Runner *r) {
        while (r->turn == 0 && r->n_waiting > 0) {
                Waiting w = r->waiting[0];
                pid_t pid;

                memmove(r->waiting, r->waiting + 1, --r->n_waiting * sizeof(Waiting));
                pid = server_fork(r, w.handler, &w.message, w.fd);
                if (pid > 0)
                        r->turn = pid;
                guest_message_done(&w.message);
                closep(&w.fd);
        }
}

static void server_wait_turn(Runner *r, const Request *request, Connection *c, GuestMessage *m) {
        if (r->n_waiting >= ELEMENTSOF(r->waiting)) {
                (void) request_answer(c->fd, -EBUSY, "Too many changes of %s are waiting", r->guest.state.title);
                return;
        }
        r->waiting[r->n_waiting++] = (Waiting) { .handler = request->handler, .message = *m, .fd = TAKE_FD(c->fd) };
        *m = (GuestMessage) {};
        server_next_turn(r);
}

/* One at a time: a new one takes over. The handler waits for the end of the old one. */
static void server_console(Runner *r, Connection *c, GuestMessage *m) {
        pid_t pid;

        if (r->console > 0) {
                (void) kill(r->console, SIGKILL);
                (void) guest_message_addf(m, "previous", "%d", (int) r->console);
        }
        pid = server_fork(r, request_console, m, c->fd);
        if (pid > 0)
                r->console = pid;
}

/* One request. True when the connection stays open in this process. */
static bool server_dispatch(Runner *r, Connection *c, GuestMessage *m) {
        const char *verb = guest_message_verb(m);
        const Request *request;

        if (streq(verb, "ping")) {
                (void) guest_message_send_ok(c->fd, NULL, 0);
                return false;
        }
        if (streq(verb, "kill")) {
                c->waits_for_end = true;
                server_kill_guest(r);
                return true;
        }
        request = find_request(verb);
        if (!request)
                (void) request_answer(c->fd, -EINVAL, "The runner knows no request \"%s\"", verb);
        else if (request->in_turn)
                server_wait_turn(r, request, c, m);
        else if (request->handler == request_console)
                server_console(r, c, m);
        else
                (void) server_fork(r, request->handler, m, c->fd);
        return false;
}

/* A connection has something for us. True when it stays. */
static bool server_read(Runner *r, Connection *c) {
        _cleanup_message_ GuestMessage m = {};
        int q;

        q = guest_message_receive(c->fd, &m);
        if (q == -EAGAIN)
                return true;
        if (q > 0 && !c->waits_for_end)
                return server_dispatch(r, c, &m);
        if (q == -EBADMSG)
                (void) request_answer(c->fd, -EINVAL, "The runner cannot read this request");
        return false;
}

static void server_accept(Runner *r) {
        struct ucred peer;
        socklen_t n = sizeof(peer);
        int fd;

        fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || peer.uid != 0 ||
            r->n_connections >= RUNNER_CONNECTIONS_MAX) {
                (void) request_answer(fd, peer.uid != 0 ? -EACCES : -EBUSY, "The control socket is %s",
                                      peer.uid != 0 ? "root's" : "in use by too many callers");
                (void) close(fd);
                return;
        }
        r->connections[r->n_connections++] = (Connection) { .fd = fd };
        /* The request is mostly there already. */
        if (!server_read(r, &r->connections[r->n_connections - 1]))
                closep(&r->connections[--r->n_connections].fd);
}

/* Collects ended children. True when liblxc's monitor is among them. */
static bool server_reap(Runner *r, int *ret_status) {
        bool ended = false;
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
                if (pid == r->console)
                        r->console = 0;
                if (pid == r->turn)
                        r->turn = 0;
                if (pid == r->guest.monitor) {
                        *ret_status = status;
                        ended = true;
                }
        }
        if (r->killed)
                guest_thaw(&r->guest); /* a freeze that was on its way has come after all */
        server_next_turn(r);
        return ended;
}

static bool server_signals(Runner *r, int *ret_status) {
        struct signalfd_siginfo si;
        bool ended = false;

        while (read(r->signal_fd, &si, sizeof(si)) == sizeof(si)) {
                if (si.ssi_signo == SIGCHLD)
                        ended |= server_reap(r, ret_status);
                else if (!r->stopping)
                        server_stop_guest(r);
        }
        return ended;
}

static int server_timeout(Runner *r) {
        uint64_t now = now_monotonic();

        if (r->kill_at == 0)
                return -1;
        return r->kill_at <= now ? 0 : (int) MIN((r->kill_at - now) / USEC_PER_MSEC + 1, (uint64_t) INT32_MAX);
}

static void server_check_deadline(Runner *r) {
        if (r->kill_at == 0 || now_monotonic() < r->kill_at)
                return;
        r->kill_at = 0;
        journal_send(LOG_WARNING, "%s did not shut down within %u s and is killed", r->guest.state.title,
                     r->guest.shutdown_timeout);
        server_kill_guest(r);
}

static void server_read_connections(Runner *r, const struct pollfd *p) {
        /* From the end: a removed one is replaced by the last, which has been looked at. */
        for (size_t i = r->n_connections; i-- > 0;)
                if (p[i].revents != 0 && !server_read(r, &r->connections[i])) {
                        closep(&r->connections[i].fd);
                        r->connections[i] = r->connections[--r->n_connections];
                }
}

static void server_finish(Runner *r) {
        for (size_t i = 0; i < r->n_connections; i++) {
                if (r->connections[i].waits_for_end)
                        (void) guest_message_send_ok(r->connections[i].fd, NULL, 0);
                closep(&r->connections[i].fd);
        }
        r->n_connections = 0;
}

int server_run(Runner *r, int *ret_status) {
        struct pollfd p[RUNNER_CONNECTIONS_MAX + 2];

        /* Whoever ended during the start, the monitor perhaps, has used up its signal. */
        if (server_reap(r, ret_status)) {
                server_finish(r);
                return 0;
        }
        for (;;) {
                size_t n = r->n_connections;

                p[0] = (struct pollfd) { .fd = r->signal_fd, .events = POLLIN };
                p[1] = (struct pollfd) { .fd = r->listen_fd, .events = POLLIN };
                for (size_t i = 0; i < n; i++)
                        p[i + 2] = (struct pollfd) { .fd = r->connections[i].fd, .events = POLLIN };
                if (poll_and_trim(p, n + 2, server_timeout(r)) < 0 && errno != EINTR)
                        return -errno;
                server_check_deadline(r);
                if (p[0].revents != 0 && server_signals(r, ret_status))
                        break;
                server_read_connections(r, p + 2);
                if (p[1].revents != 0)
                        server_accept(r);
        }
        server_finish(r);
        return 0;
}
