/* SPDX-License-Identifier: Apache-2.0 */
/* One command in the guest: this process is its parent outside, holds the control socket and tells how the command ended. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/close_range.h>

#include "base/file.h"
#include "base/str.h"
#include "runner.h"
#include "session.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define TTY_GROUP 5

typedef struct Session {
        char **argv, **env;      /* env: owned strings */
        const char *cwd;
        uid_t uid;
        gid_t gid;
        bool interactive;
        unsigned width, height;
        int master, stdio[3];    /* interactive: all three are the pty's other side */
        int gate[2];             /* a pipe, when the command has to wait for "start": a byte lets it run, its end does not */
        pid_t pid;
} Session;

static void session_done(Session *s) {
        free(s->argv);
        s->env = strv_free(s->env);
        closep(&s->master);
        if (!s->interactive) {
                closep(&s->stdio[1]);
                closep(&s->stdio[2]);
        }
        closep(&s->stdio[0]);
        closep(&s->gate[0]);
        closep(&s->gate[1]);
}

static const char *env_get(char *const *env, const char *key) {
        size_t n = strlen(key);

        STRV_FOREACH(e, env)
                if (strncmp(*e, key, n) == 0 && (*e)[n] == '=')
                        return *e + n + 1;
        return NULL;
}

static int env_default(Strv *env, const char *key, const char *value) {
        _cleanup_free_ char *item = NULL;
        int r;

        if (env_get(*env, key))
                return 0;
        r = str_format(&item, "%s=%s", key, value);
        return r < 0 ? r : strv_extend(env, item);
}

int session_environment(char *const *given, uid_t uid, Strv *ret) {
        _cleanup_strv_free_ Strv env = NULL;
        int r = 0;

        /* Of two with the same name the later one wins: walk from the end. */
        for (size_t i = strv_length(given); r >= 0 && i-- > 0;) {
                _cleanup_free_ char *key = NULL;
                const char *equal = strchr(given[i], '=');

                if (!equal || equal == given[i])
                        continue;
                key = strndup(given[i], (size_t) (equal - given[i]));
                if (!key)
                        return -ENOMEM;
                if (!env_get(env, key))
                        r = strv_extend(&env, given[i]);
        }
        if (r >= 0)
                r = env_default(&env, "PATH", DEFAULT_PATH);
        if (r >= 0)
                r = env_default(&env, "LANG", "C.UTF-8");
        if (r >= 0 && uid == 0)
                r = env_default(&env, "HOME", "/root");
        if (r >= 0 && uid == 0)
                r = env_default(&env, "USER", "root");
        if (r >= 0)
                r = env_default(&env, "container", "lxc");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(env);
        return 0;
}

static int get_id(const GuestMessage *m, const char *key, uint32_t *ret) {
        uint64_t value;
        int r = guest_message_get_u64(m, key, &value);

        if (r == -ENOENT) {
                *ret = 0;
                return 0;
        }
        if (r < 0 || value >= UINT32_MAX) /* (uid_t) -1 would mean "as it is" */
                return -EINVAL;
        *ret = (uint32_t) value;
        return 0;
}

static int session_parse(Session *s, GuestMessage *m) {
        _cleanup_free_ char **env = NULL;
        int r;

        r = guest_message_get_all(m, "arg", &s->argv);
        if (r >= 0)
                r = guest_message_get_all(m, "env", &env);
        if (r < 0)
                return r;
        if (!s->argv[0] || isempty(s->argv[0]))
                return -EINVAL;
        r = get_id(m, "uid", &s->uid);
        if (r >= 0)
                r = get_id(m, "gid", &s->gid);
        if (r >= 0)
                r = get_id(m, "width", &s->width);
        if (r >= 0)
                r = get_id(m, "height", &s->height);
        if (r >= 0)
                r = session_environment(env, s->uid, &s->env);
        if (r < 0)
                return r;
        s->cwd = guest_message_get(m, "cwd");
        if (isempty(s->cwd))
                s->cwd = env_get(s->env, "HOME") ?: "/";
        s->interactive = streq_ptr(guest_message_get(m, "stdio"), "pty");
        if (guest_message_get(m, "hold") && pipe2(s->gate, O_CLOEXEC) < 0)
                return -errno;
        return 0;
}

/* A pty of the guest's own devpts instance, so that it has a name there. Never a controlling terminal of ours. */
static int session_open_pty(Session *s, Runner *r) {
        _cleanup_close_ int devpts = -EBADF, master = -EBADF, slave = -EBADF;
        uint32_t uid, gid;
        int q, unlock = 0;

        devpts = r->guest.lxc->devpts_fd(r->guest.lxc);
        if (devpts < 0)
                return -EIO;
        master = openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (master < 0)
                return -errno;
        if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return -errno;
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0)
                return -errno;
        q = guest_host_id(&r->guest, false, s->uid, &uid);
        if (q >= 0)
                q = guest_host_id(&r->guest, true, TTY_GROUP, &gid);
        if (q < 0)
                return q;
        if (fchown(slave, uid, gid) < 0 || fchmod(slave, 0620) < 0)
                return -errno;
        session_resize(slave, s->width, s->height);
        s->master = TAKE_FD(master);
        s->stdio[0] = s->stdio[1] = s->stdio[2] = TAKE_FD(slave);
        return 0;
}

void session_resize(int fd, unsigned width, unsigned height) {
        struct winsize w = { .ws_col = (unsigned short) MIN(width, 65535U), .ws_row = (unsigned short) MIN(height, 65535U) };

        if (width > 0 && height > 0)
                (void) ioctl(fd, TIOCSWINSZ, &w);
}

static int session_take_stdio(Session *s, GuestMessage *m) {
        for (size_t i = 0; i < 3; i++) {
                s->stdio[i] = guest_message_take_fd(m, i);
                if (s->stdio[i] < 0)
                        s->stdio[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
                if (s->stdio[i] < 0)
                        return -errno;
        }
        return 0;
}

/* Nothing of the command has happened until its client is there. What can be done before is done: the client pays for one write. */
static bool session_may_run(Session *s) {
        ssize_t n;
        char go;

        if (s->gate[0] < 0)
                return true;
        closep(&s->gate[1]);
        do
                n = read(s->gate[0], &go, 1);
        while (n < 0 && errno == EINTR);
        return n == 1;
}

/* Runs inside the guest with the guest's credentials; stdin, stdout and stderr are in place. What it returns is the exit status. */
static int session_exec(void *userdata) {
        Session *s = userdata;

        (void) setsid();
        if (s->interactive)
                (void) ioctl(STDIN_FILENO, TIOCSCTTY, 0);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL); /* it dies with this session */
        if (!session_may_run(s))
                return 0;
        /* Nothing of ours goes with the command: no descriptor, no mask. */
        (void) syscall(SYS_close_range, 3, ~0U, 0);
        (void) umask(022);
        if (chdir(s->cwd) < 0)
                (void) chdir("/");
        environ = s->env;
        (void) execvpe(s->argv[0], s->argv, s->env);
        return errno == ENOENT || errno == ENOTDIR ? 127 : 126;
}

static int session_attach(Session *s, Runner *r) {
        lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;

        options.uid = s->uid;
        options.gid = s->gid;
        options.env_policy = LXC_ATTACH_CLEAR_ENV;
        options.initial_cwd = (char *) "/";
        options.stdin_fd = s->stdio[0];
        options.stdout_fd = s->stdio[1];
        options.stderr_fd = s->stdio[2];
        return r->guest.lxc->attach(r->guest.lxc, session_exec, s, &options, &s->pid) < 0 || s->pid <= 0 ? -EIO : 0;
}

int session_parse_control(const char *text, SessionControl *ret) {
        SessionControl c = {};
        unsigned a, b;
        char rest;

        if (sscanf(text, "resize %u %u%c", &a, &b, &rest) == 2 && a <= 65535 && b <= 65535)
                c = (SessionControl) { .type = SESSION_RESIZE, .width = a, .height = b };
        else if (sscanf(text, "signal %u%c", &a, &rest) == 1 && a > 0 && a < NSIG)
                c = (SessionControl) { .type = SESSION_SIGNAL, .signal = (int) a };
        else if (streq(text, "start"))
                c = (SessionControl) { .type = SESSION_START };
        else
                return -EINVAL;
        *ret = c;
        return 0;
}

int session_receive_control(int connection, SessionControl *ret) {
        char text[64];
        ssize_t n;

        n = recv(connection, text, sizeof(text) - 1, MSG_DONTWAIT);
        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? -EAGAIN : -errno;
        if (n == 0)
                return -EPIPE;
        text[n] = '\0';
        return session_parse_control(text, ret) < 0 ? -EAGAIN : 0; /* what it does not know it passes over */
}

static void session_control(Session *s, int pidfd, int *connection) {
        SessionControl c;
        int r;

        r = session_receive_control(*connection, &c);
        if (r == -EAGAIN)
                return;
        if (r < 0) {
                closep(connection); /* nobody listens; a command that runs goes on (a recorded one, or a restarted server) */
                closep(&s->gate[1]);
                return;
        }
        if (c.type == SESSION_RESIZE && s->interactive)
                session_resize(s->stdio[0], c.width, c.height);
        else if (c.type == SESSION_SIGNAL)
                (void) syscall(SYS_pidfd_send_signal, pidfd, c.signal, NULL, 0);
        else if (c.type == SESSION_START && s->gate[1] >= 0) {
                (void) write(s->gate[1], "", 1);
                closep(&s->gate[1]);
        }
}

/* Until the command itself has ended: what it left in the background may hold the pty or the pipes as long as it likes. */
static int session_wait(Session *s, int connection) {
        _cleanup_close_ int pidfd = (int) syscall(SYS_pidfd_open, s->pid, 0);
        int status, own = connection;

        while (pidfd >= 0) {
                struct pollfd p[] = { { .fd = pidfd, .events = POLLIN }, { .fd = own, .events = POLLIN } };

                if (poll(p, ELEMENTSOF(p), -1) < 0 && errno != EINTR)
                        break;
                if (p[0].revents != 0)
                        break;
                if (p[1].revents != 0)
                        session_control(s, pidfd, &own);
        }
        while (waitpid(s->pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (own >= 0) {
                char text[32];
                int n = snprintf(text, sizeof(text), "exit %d",
                                 WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));

                (void) send(own, text, (size_t) n, MSG_NOSIGNAL);
        }
        return 0;
}

/* liblxc's children run in the guest's cgroup already when it answers; the pipes must not stay open here. */
static void session_close_stdio(Session *s) {
        if (s->interactive)
                return; /* for resize; the other side is no reason for the pty to stay */
        for (size_t i = 0; i < 3; i++)
                closep(&s->stdio[i]);
}

int request_exec(Runner *r, GuestMessage *m, int connection) {
        _cleanup_(session_done) Session s = { .master = -EBADF, .stdio = { -EBADF, -EBADF, -EBADF }, .gate = { -EBADF, -EBADF } };
        int q;

        if (guest_is_frozen(&r->guest) > 0)
                return request_answer(connection, -EBUSY, "The instance is frozen; unfreeze it first");
        q = session_parse(&s, m);
        if (q < 0)
                return request_answer(connection, q, "Not a command that can be run: %s", strerror(-q));
        q = s.interactive ? session_open_pty(&s, r) : session_take_stdio(&s, m);
        if (q < 0)
                return request_answer(connection, q, "Failed to open the terminal of the command: %s", strerror(-q));
        /* The answer goes out before the command runs: its exit may follow at once. */
        q = guest_message_send_ok(connection, &s.master, s.interactive ? 1 : 0);
        if (q < 0)
                return 1;
        closep(&s.master);
        q = session_attach(&s, r);
        session_close_stdio(&s);
        closep(&s.gate[0]);
        if (q < 0) {
                (void) send(connection, "error Failed to enter the instance; is it stopping?",
                            STRLEN("error Failed to enter the instance; is it stopping?"), MSG_NOSIGNAL);
                return 1;
        }
        return session_wait(&s, connection) < 0;
}
