/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-container-stop ID: ExecStopPost= of lxd-container@ID.service. Makes sure that nothing of the guest is left, however it and its runner ended, and
 * reports that to lxd-instanced. */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "binds.h"
#include "cgroup.h"
#include "crash.h"
#include "guest-call.h"
#include "guest-state.h"
#include "leftover.h"
#include "notify.h"

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

static int run(uint64_t id) {
        _cleanup_guest_caller_ GuestCaller caller = GUEST_CALLER(.id = id);
        _cleanup_(guest_state_done) GuestState state = {};
        _cleanup_free_ char *reason = NULL;
        int r;

        (void) guest_state_read(id, &state);
        stop_find_cgroups(id, &state);
        stop_thaw(&state);
        stop_init(&state);
        stop_rest(&state);
        cgroups_sweep(state.cgroups, "lxd-container@");
        binds_undo(id, false);
        leftover_remove(id, state.name);
        crash_point("stop-guest-ended");
        r = stop_reason(&state, &reason);
        if (r < 0)
                return EXIT_FAILURE;
        state.init_pid = 0;
        if (!state.reason && str_replace(&state.reason, reason) >= 0)
                (void) guest_state_write(id, &state);
        (void) notify_sendf("EXTEND_TIMEOUT_USEC=%" PRIu64, GUEST_CALL_MAX + 30 * USEC_PER_SEC);
        r = guest_call_stopped(&caller, reason);
        if (r < 0) {
                journal_send(LOG_ERR, "Failed to tell lxd-instanced that %s has ended: %s",
                             state.title ?: "the instance", caller.text ?: strerror(-r));
                return EXIT_FAILURE;
        }
        crash_point("stop-reported");
        stop_remove_files(id);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        uint64_t id;

        if (argc == 2 && parse_u64(argv[1], &id) >= 0)
                return run(id);
        (void) fprintf(stderr, "usage: %s ID\nStarted by lxd-container@ID.service.\n", argv[0]);
        return EXIT_FAILURE;
}
