/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-container-bus: the runner's side of org.lxd.instance1.Guest.
 *   start ID   child of the runner: PrepareGuest, loads modules, binds the disks, hands the plan over on fd 3; when lxd-container-hook brings the guest's
 *              network namespace, ConnectGuest; waits for "started", then GuestStarted
 *   stop ID    ExecStopPost=: makes sure that nothing of the guest is left, and calls GuestStopped
 * lxd-instanced may be restarted at any moment: every call is repeated until it was answered. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/socket.h"
#include "base/str.h"
#include "binds.h"
#include "bus-error.h"
#include "bus-peer.h"
#include "cgroup.h"
#include "crash.h"
#include "guest-message.h"
#include "guest-state.h"
#include "leftover.h"
#include "modules.h"
#include "notify.h"

#define RUNNER_FD 3
#define GUEST_PATH "/org/lxd/instance1"
#define GUEST_INTERFACE LXD_BUS_PREFIX ".instance1.Guest"
#define RETRY_FOR (120 * USEC_PER_SEC)
#define REFUSED_FOR (5 * USEC_PER_SEC)

typedef struct Call {
        const char *member;
        uint64_t id;
        int netns;          /* ConnectGuest */
        uint32_t pid;       /* GuestStarted */
        const char *reason; /* GuestStopped */
} Call;

static int call_append(const Call *c, sd_bus_message *m) {
        if (streq(c->member, "ConnectGuest"))
                return sd_bus_message_append(m, "tht", c->id, c->netns, (uint64_t) 0);
        if (streq(c->member, "GuestStarted"))
                return sd_bus_message_append(m, "tut", c->id, c->pid, (uint64_t) 0);
        if (streq(c->member, "GuestStopped"))
                return sd_bus_message_append(m, "tst", c->id, c->reason, (uint64_t) 0);
        return sd_bus_message_append(m, "tt", c->id, (uint64_t) 0);
}

/* *bus may be open from an earlier call. */
static int call_once(sd_bus **bus, const Call *c, sd_bus_message **ret, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = 0;

        if (!*bus)
                r = bus_open_private("instanced", bus);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(*bus, &m, NULL, GUEST_PATH, GUEST_INTERFACE, c->member);
        if (r >= 0)
                r = call_append(c, m);
        if (r < 0)
                return r;
        return sd_bus_call(*bus, m, UINT64_MAX, error, ret);
}

/* Did the connection fail, rather than the call? sd-bus gives its own errors the names of errno. */
static bool is_disconnect(int r, const sd_bus_error *e) {
        if (sd_bus_error_has_names(e, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_DISCONNECTED))
                return true;
        if (sd_bus_error_is_set(e) && !startswith(e->name, "System.Error."))
                return false;
        return r == -ECONNRESET || r == -ECONNREFUSED || r == -ENOTCONN || r == -EPIPE || r == -ENOENT ||
               r == -ESHUTDOWN || r == -EAGAIN;
}

/* Nobody listens: the socket was stopped by somebody, and a start of it may even wait for the end of this unit. */
static bool is_refused(int r) {
        return r == -ECONNREFUSED || r == -ENOENT;
}

static int call_until_answered(sd_bus **bus, const Call *c, sd_bus_message **ret, sd_bus_error *error) {
        uint64_t begin = now_monotonic(), refused_since = 0;

        for (;;) {
                uint64_t now;
                int r;

                sd_bus_error_free(error);
                r = call_once(bus, c, ret, error);
                if (r >= 0 || !is_disconnect(r, error))
                        return r;
                *bus = sd_bus_close_unref(*bus);
                now = now_monotonic();
                refused_since = !is_refused(r) ? 0 : refused_since ?: now;
                if (now > begin + RETRY_FOR || (refused_since > 0 && now > refused_since + REFUSED_FOR)) {
                        sd_bus_error_free(error);
                        return bus_error_set(error, LXD_ERROR_UNAVAILABLE, "lxd-instanced does not answer %s: %s", c->member,
                                             strerror(-r));
                }
                (void) poll(NULL, 0, 100);
        }
}

/* "modules", "bind PATH" and "rbind PATH" are for us; the other options go on to the runner. */
static int plan_take_option(GuestMessage *plan, const char *key, const char *value, sd_bus_error *error) {
        const char *path = startswith(key, "bind ") ?: startswith(key, "rbind ");
        int r;

        if (streq(key, "modules"))
                return modules_load(value, error);
        if (!path)
                return guest_message_add(plan, key, value);
        r = bind_make(path, value, key[0] == 'r');
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to start device \"%s\": cannot mount %s: %s",
                                     strrchr(path, '/') ? strrchr(path, '/') + STRLEN("/disk.") : path, value, strerror(-r));
        return 0;
}

static void let_go_of_disks(uint64_t id, bool guest_runs) {
        _cleanup_free_ char *dir = NULL;

        if (str_format(&dir, LXD_STATE_DIR "/devices/%" PRIu64, id) >= 0)
                binds_undo(dir, guest_runs);
}

static int plan_read_options(sd_bus_message *reply, GuestMessage *plan, sd_bus_error *error) {
        const char *key, *value;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(reply, "{ss}", &key, &value)) > 0)
                r = plan_take_option(plan, key, value, error);
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

/* s name, a(ss) lxc_config, a{ss} options -> one message, options as plain fields. */
static int plan_read(sd_bus_message *reply, GuestMessage *plan, sd_bus_error *error) {
        const char *name, *key, *value;
        int r;

        r = guest_message_begin(plan, "plan");
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &name);
        if (r >= 0)
                r = guest_message_add(plan, "name", name);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ss)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &key, &value)) > 0)
                r = guest_message_addf(plan, "config", "%s=%s", key, value);
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        return r < 0 ? r : plan_read_options(reply, plan, error);
}

static int report(int r, const sd_bus_error *error) {
        const char *text = error->message ?: strerror(-r);

        (void) guest_message_send_error(RUNNER_FD, error->name ?: LXD_ERROR_FAILED, text);
        return EXIT_FAILURE;
}

/* Where lxd-container-hook comes to. */
static int hook_listen(uint64_t id) {
        _cleanup_free_ char *path = NULL;
        int r = guest_run_path(id, "connect", &path);

        return r < 0 ? r : socket_listen(path, SOCK_SEQPACKET, 1);
}

/* Without an answer the hook fails, and with it the start. */
static int hook_serve(uint64_t id, int listener, sd_bus **bus, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        _cleanup_message_ GuestMessage m = {};
        Call call;
        int r;

        if (fd < 0)
                return -errno;
        r = guest_message_receive(fd, &m);
        if (r <= 0 || m.n_fds != 1)
                return r < 0 ? r : -EBADMSG;
        call = (Call) { .member = "ConnectGuest", .id = id, .netns = m.fds[0] };
        r = call_until_answered(bus, &call, &reply, error);
        crash_point("bus-connected");
        return r < 0 ? r : guest_message_send_ok(fd, NULL, 0);
}

/* Until the runner says that the guest runs. -EPIPE: it does not, and the runner says so itself. */
static int wait_until_started(uint64_t id, int listener, sd_bus **bus, GuestMessage *ret, sd_bus_error *error) {
        for (;;) {
                struct pollfd p[] = { { .fd = RUNNER_FD, .events = POLLIN }, { .fd = listener, .events = POLLIN } };
                int r;

                if (poll(p, ELEMENTSOF(p), -1) < 0)
                        return -errno;
                if (p[0].revents != 0)
                        return guest_message_receive(RUNNER_FD, ret) <= 0 ? -EPIPE : 0;
                r = hook_serve(id, listener, bus, error);
                if (r < 0)
                        return r;
        }
}

static int run_start(uint64_t id) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *plan_reply = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ GuestMessage plan = {}, started = {};
        Call call = { .member = "PrepareGuest", .id = id };
        _cleanup_close_ int listener = -EBADF;
        uint64_t pid;
        int r;

        (void) prctl(PR_SET_PDEATHSIG, SIGTERM); /* without the runner nobody wants the answer */
        r = call_until_answered(&bus, &call, &plan_reply, &error);
        crash_point("bus-prepared");
        if (r >= 0)
                r = plan_read(plan_reply, &plan, &error);
        if (r >= 0)
                r = listener = hook_listen(id);
        if (r >= 0)
                r = guest_message_send(RUNNER_FD, &plan);
        if (r >= 0)
                r = wait_until_started(id, listener, &bus, &started, &error);
        if (r < 0)
                return r == -EPIPE ? EXIT_FAILURE : report(r, &error);
        call = (Call) { .member = "GuestStarted", .id = id };
        r = guest_message_get_u64(&started, "pid", &pid);
        if (r >= 0) {
                call.pid = (uint32_t) pid;
                r = call_until_answered(&bus, &call, &reply, &error);
        }
        crash_point("bus-started");
        if (r < 0)
                return report(r, &error);
        let_go_of_disks(id, true);
        return guest_message_send_ok(RUNNER_FD, NULL, 0) < 0;
}

/* With control groups of version 1 the frozen do not die. */
static void stop_thaw(const GuestState *s) {
        _cleanup_free_ char *freezer = NULL, *file = NULL;
        _cleanup_fclose_ FILE *f = NULL;

        if (guest_state_cgroup(s, "freezer", &freezer) >= 0 && str_format(&file, "%s/freezer.state", freezer) >= 0)
                f = fopen(file, "we");
        if (f)
                (void) fputs("THAWED", f);
}

/* Kills what is left after the runner or the monitor was killed, and waits until it is gone. */
static void stop_init(const GuestState *s) {
        _cleanup_close_ int pidfd = guest_state_pidfd(s);
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        if (pidfd < 0)
                return;
        (void) syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
        (void) poll(&p, 1, 60000);
}

/* With control groups of version 1 the service manager does not wait until those that it killed are gone: they are in their cgroups for a
 * moment yet, and a dying one may still make a cgroup. */
static void stop_rest(const GuestState *s) {
        for (unsigned i = 0; i < 400; i++) {
                unsigned n = cgroups_kill(s->cgroups);

                if (cgroups_remove(s->cgroups) && n == 0)
                        return;
                (void) poll(NULL, 0, 10);
        }
        journal_send(LOG_WARNING, "Processes of %s do not die, its control groups stay.", s->title ?: "the instance");
}

/* Where this process is says which they are, when the state says nothing: nobody keeps an instance from being deleted while its guest ends,
 * when the service manager cannot be asked about the unit. */
static void stop_find_cgroups(uint64_t id, GuestState *s) {
        _cleanup_(cgroups_done) Cgroups c = {};
        char unit[64];

        if (!isempty(s->cgroups))
                return;
        (void) snprintf(unit, sizeof(unit), "/lxd-container@%" PRIu64 ".service", id);
        if (cgroups_find(&c) < 0 || !endswith(c.unit, unit))
                return;
        free(s->cgroups);
        s->cgroups = TAKE_PTR(c.payload);
}

/* The runner wrote the reason unless it was killed; then systemd knows more. */
static int stop_reason(const GuestState *s, char **ret) {
        const char *result = getenv("SERVICE_RESULT") ?: "", *text = s->reason;

        if (!text)
                text = s->init_pid > 0          ? "crash"
                       : streq(result, "timeout") ? "failed: The start took too long"
                                                  : "failed: lxd-container-runner was killed before the guest ran";
        return str_replace(ret, text);
}

/* Once lxd-instanced knows, nothing here is of use to anybody. */
static void stop_remove_files(uint64_t id) {
        _cleanup_close_ int fd = open(LXD_RUN_DIR "/instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char name[24];

        (void) snprintf(name, sizeof(name), "%" PRIu64, id);
        if (fd >= 0)
                (void) remove_tree_at(fd, name);
}

static int run_stop(uint64_t id) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(guest_state_done) GuestState state = {};
        _cleanup_free_ char *reason = NULL;
        Call call = { .member = "GuestStopped", .id = id };
        int r;

        (void) guest_state_read(id, &state);
        stop_find_cgroups(id, &state);
        stop_thaw(&state);
        stop_init(&state);
        stop_rest(&state);
        cgroups_sweep(state.cgroups, "lxd-container@");
        let_go_of_disks(id, false);
        leftover_remove(id, state.name);
        crash_point("bus-guest-ended");
        r = stop_reason(&state, &reason);
        if (r < 0)
                return EXIT_FAILURE;
        state.init_pid = 0;
        if (!state.reason && str_replace(&state.reason, reason) >= 0)
                (void) guest_state_write(id, &state);
        (void) notify_sendf("EXTEND_TIMEOUT_USEC=%" PRIu64, RETRY_FOR + 30 * USEC_PER_SEC);
        call.reason = reason;
        r = call_until_answered(&bus, &call, &reply, &error);
        if (r < 0) {
                journal_send(LOG_ERR, "Failed to tell lxd-instanced that %s has ended: %s",
                             state.title ?: "the instance", error.message ?: strerror(-r));
                return EXIT_FAILURE;
        }
        crash_point("bus-stopped");
        stop_remove_files(id);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        uint64_t id;

        if (argc == 3 && parse_u64(argv[2], &id) >= 0) {
                if (streq(argv[1], "start"))
                        return run_start(id);
                if (streq(argv[1], "stop"))
                        return run_stop(id);
        }
        (void) fprintf(stderr, "usage: %s start|stop ID\nUsed by lxd-container@ID.service.\n", argv[0]);
        return EXIT_FAILURE;
}
