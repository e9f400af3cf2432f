/* SPDX-License-Identifier: Apache-2.0 */
/* The container itself: liblxc is configured, started and asked here and in the requests; nowhere else. */
#pragma once

#include <lxc/lxccontainer.h>

#include "cgroup.h"
#include "dbus-wire.h"
#include "guest-state.h"
#include "host.h"

#define GUEST_LISTENS_MAX 30U
#define GUEST_LISTENS_POLL_MS 20

typedef struct Guest {
        uint64_t id;
        struct lxc_container *lxc;
        Cgroups cgroups;
        GuestState state;
        char *project, *instance;
        char *log_path;             /* of liblxc */
        unsigned shutdown_timeout;  /* seconds */
        pid_t monitor;              /* liblxc's monitor process, our child */
        int init_pidfd;             /* of the guest's init */
} Guest;

#define GUEST_INITIALIZER(_id) { .id = (_id), .init_pidfd = -EBADF, .shutdown_timeout = 30 }

void guest_done(Guest *g);

/* Takes over PrepareGuest's answer (options title, project, instance, shutdown_timeout, log_file), and does what it asks of the host
 * (host.h), waiting with wait(). 0; -EINVAL with a text that names the key which liblxc does not take; -errno, with a text or without; what wait()
 * said. */
int guest_configure(Guest *g, DbusMessage *plan, guest_wait_t wait, void *userdata, char **ret_text);
/* Starts it: returns when its init runs, with init pid, pidfd and monitor known. 0; -EIO with liblxc's own reason as text, -errno. */
int guest_start(Guest *g, char **ret_text);
/* What the hook post-stop left behind after the monitor ended: "shutdown", "reboot", or "crash" when it left nothing. Static text. */
const char *guest_end_reason(const Guest *g);
/* The first error in liblxc's log file, as a sentence; NULL when there is none or no memory. */
char *guest_log_error(const char *log);
/* Sends the halt signal (lxc.signal.halt; SIGRTMIN+3 or SIGPWR) to the guest's init. The kernel drops a signal that an init does not
 * handle, and one that has just started does not yet: waits until it does, or GUEST_LISTENS_MAX seconds; not at all when it ends. */
void guest_shutdown(const Guest *g);
/* SIGKILL to the guest's init: all its processes go with it. 0, -errno. */
int guest_kill_init(const Guest *g);
/* 1 frozen, 0 not, -errno. */
int guest_is_frozen(const Guest *g);
/* Thaws it, without waiting; also when only what came too late into its cgroup is left. */
void guest_thaw(const Guest *g);
/* The host's id for id 0 of the guest. gid: of groups. 0 in a privileged guest. */
int guest_host_id(const Guest *g, bool gid, uint32_t id, uint32_t *ret); /* 0, -ERANGE: not mapped, -errno */
