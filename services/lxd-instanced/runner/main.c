/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-container-runner ID: the main process of lxd-container@ID.service. Gets the plan from lxd-instanced, runs the guest
 * with liblxc, serves its control socket, and leaves the reason of its end for lxd-container-stop. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "binds.h"
#include "crash.h"
#include "guest-call.h"
#include "hook.h"
#include "notify.h"
#include "runner.h"
#include "trim.h"

/* Until lxd-instanced has answered, or SIGTERM: nobody may be kept from stopping a start that hangs. */
static int wait_unless_stopped(int fd, int milliseconds, void *userdata) {
        const Runner *r = userdata;
        struct pollfd p[] = { { .fd = r->signal_fd, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
        struct signalfd_siginfo si;

        if (poll(p, ELEMENTSOF(p), milliseconds) < 0 && errno != EINTR)
                return -errno;
        return p[0].revents != 0 && read(r->signal_fd, &si, sizeof(si)) == sizeof(si) && si.ssi_signo == SIGTERM ? -ECANCELED : 0;
}

static int explain(const GuestCaller *c, int q, char **ret_text) {
        const char *text = q == -ECANCELED ? "The start was cancelled" : c->text;

        if (q < 0 && text)
                (void) str_replace(ret_text, text);
        return q;
}

static int runner_setup(Runner *r) {
        _cleanup_free_ char *directory = NULL;
        sigset_t mask;
        int q;

        (void) umask(0077);
        q = guest_run_path(r->guest.id, "", &directory);
        if (q < 0)
                return q;
        /* liblxc wants the guest's root to be able to pass through both; what is in them is for root alone. */
        if ((mkdir(LXD_RUN_DIR "/instances", 0711) < 0 && errno != EEXIST) ||
            (mkdir(directory, 0711) < 0 && errno != EEXIST) || chmod(directory, 0711) < 0)
                return -errno;
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD);
        (void) sigaddset(&mask, SIGTERM);
        (void) sigaddset(&mask, SIGINT);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return -errno;
        r->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (r->signal_fd < 0)
                return -errno;
        return 0;
}

/* Before any child is there: on v2 the unit's own cgroup must be empty for its controllers to reach the payload. */
static int runner_enter_cgroups(Runner *r, char **ret_text) {
        Cgroups *c = &r->guest.cgroups;
        int q;

        q = cgroups_find(c);
        if (q < 0) {
                (void) str_format(ret_text, "Failed to find the cgroups of this unit: %s", strerror(-q));
                return q;
        }
        (void) cgroups_remove(c->payload); /* of a runner that was killed: liblxc would refuse to start into them */
        q = cgroups_enter_supervisor(c);
        if (q < 0)
                (void) str_format(ret_text, "Failed to enter the cgroup \"%s/supervisor\": %s", c->unit, strerror(-q));
        return q;
}

/* Asks lxd-instanced for the plan, starts the guest and reports it. After success the guest runs. */
static int runner_start(Runner *r, char **ret_text) {
        _cleanup_guest_caller_ GuestCaller caller = GUEST_CALLER(.id = r->guest.id, .wait = wait_unless_stopped, .userdata = r);
        DbusMessage plan;
        int q;

        q = guest_call_prepare(&caller, &plan);
        crash_point("runner-prepared");
        if (q >= 0)
                q = guest_configure(&r->guest, &plan, wait_unless_stopped, r, ret_text);
        if (explain(&caller, q, ret_text) < 0)
                return q;
        journal_set_instance(r->guest.project, r->guest.instance);
        q = guest_state_write(r->guest.id, &r->guest.state); /* so that a clean-up after kill -9 knows the cgroups */
        guest_caller_forget(&caller); /* not a page of it is to be copied into liblxc's monitor */
        memory_trim_monitor();
        crash_point("runner-planned");
        if (q >= 0)
                q = guest_start(&r->guest, ret_text);
        if (q >= 0)
                q = guest_state_write(r->guest.id, &r->guest.state);
        if (q >= 0)
                q = server_listen(r);
        crash_point("runner-started");
        if (q >= 0)
                q = explain(&caller, guest_call_started(&caller, r->guest.state.init_pid), ret_text);
        crash_point("runner-reported");
        if (q >= 0)
                binds_undo(r->guest.id, true);
        return q;
}

/* The guest runs but the start failed nevertheless: nothing of it may stay. */
static void runner_abort(Runner *r) {
        siginfo_t si;

        if (r->guest.monitor <= 0 || guest_kill_init(&r->guest) < 0)
                return;
        (void) waitid(P_PID, (id_t) r->guest.monitor, &si, WEXITED);
}

static void runner_record(Runner *r, const char *reason) {
        int q;

        r->guest.state.init_pid = 0;
        q = str_replace(&r->guest.state.reason, reason);
        if (q >= 0)
                q = guest_state_write(r->guest.id, &r->guest.state);
        if (q < 0)
                journal_send(LOG_ERR, "Failed to write the state file of %s: %s", strempty(r->guest.state.title),
                             strerror(-q));
}

static int runner_fail(Runner *r, int q, const char *text) {
        _cleanup_free_ char *reason = NULL;

        runner_abort(r);
        if (str_format(&reason, "failed: %s", text ?: strerror(-q)) >= 0)
                runner_record(r, reason);
        journal_send(LOG_ERR, "Failed to start %s: %s", r->guest.state.title ?: "the instance", text ?: strerror(-q));
        (void) notify_sendf("STATUS=%s", text ?: strerror(-q));
        return EXIT_FAILURE;
}

/* The sessions end with their commands, which are gone; give them the moment they need to say so. One that was just entering the guest when that
 * was frozen can only end when it is thawed: the frozen do not die on cgroup v1, and the service manager would wait for minutes. */
static void runner_collect(const Runner *r) {
        for (unsigned i = 0; i < 100; i++) {
                pid_t pid = waitpid(-1, NULL, WNOHANG);

                guest_thaw(&r->guest);
                if (pid < 0)
                        return;
                if (pid == 0)
                        (void) poll(NULL, 0, 10);
        }
}

static int runner_run(Runner *r) {
        _cleanup_free_ char *text = NULL;
        const char *reason;
        int q, status = 0;

        q = runner_setup(r);
        if (q >= 0)
                q = runner_enter_cgroups(r, &text);
        crash_point("runner-in-cgroups");
        if (q >= 0)
                q = runner_start(r, &text);
        if (q < 0)
                return runner_fail(r, q, text);
        (void) notify_sendf("READY=1\nSTATUS=%s running", r->guest.state.title);
        q = server_run(r, &status);
        if (q < 0)
                journal_send(LOG_ERR, "The runner of %s cannot go on: %s", r->guest.state.title, strerror(-q));
        reason = q < 0 ? "crash" : guest_end_reason(&r->guest);
        if (streq(reason, "reboot") && r->stopping)
                reason = "shutdown";
        crash_point("runner-guest-ended");
        runner_record(r, reason);
        crash_point("runner-recorded");
        (void) notify_sendf("STOPPING=1\nSTATUS=%s: %s", r->guest.state.title, reason);
        runner_collect(r);
        return streq(reason, "crash") ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        Runner r = { .guest = GUEST_INITIALIZER(0), .listen_fd = -EBADF, .signal_fd = -EBADF };
        bool is_hook = argc == 3 && streq(argv[1], "hook");
        int status;

        if ((argc != 2 && !is_hook) || parse_u64(argv[argc - 1], &r.guest.id) < 0) {
                (void) fprintf(stderr, "usage: %s [hook] ID\nStarted by lxd-container@ID.service, and for its hooks by liblxc.\n", argv[0]);
                return EXIT_FAILURE;
        }
        if (is_hook)
                return hook_run(r.guest.id);
        status = runner_run(&r);
        guest_done(&r.guest);
        return status;
}
