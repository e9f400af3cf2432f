/* SPDX-License-Identifier: Apache-2.0 */
/* What a runner leaves on disk about itself: /run/lxd/instances/<id>/state. Read by the daemon and by the clean-up,
 * written by the runner, removed when lxd-instanced knows that the guest has ended. Needs libc only. */
#pragma once

#include <sys/types.h>

#include "base/cleanup.h"

typedef struct GuestState {
        pid_t init_pid;      /* 0 while it does not run */
        uint64_t start_time; /* field 22 of /proc/<init_pid>/stat, to tell a reused pid */
        uint64_t started_at; /* µs since the epoch */
        char *reason;        /* as in GuestStopped; NULL while it runs */
        char *name;          /* of liblxc */
        char *title;         /* "default/c1" */
        char *cgroups;       /* the payload's cgroups: one line "<controllers>:<absolute directory>" each; the v2 one has no controllers */
} GuestState;

/* Path of a file of instance id below the run directory; name "" = the directory itself. 0, -ENOMEM. */
int guest_run_path(uint64_t id, const char *name, char **ret);

/* 0; -ENOENT: no runner has been here since boot; -EBADMSG, -errno. Does not say that the guest still runs: guest_state_pidfd(). */
int guest_state_read(uint64_t id, GuestState *ret);
void guest_state_done(GuestState *s);
/* Writes it (temporary file and rename). 0, -errno. */
int guest_state_write(uint64_t id, const GuestState *s);

/* A pidfd of the guest's init: >= 0; -ESRCH when it is gone (also: when the pid is somebody else's now). */
int guest_state_pidfd(const GuestState *s);
/* Opens the guest's root directory ("/proc/<init>/root", O_PATH); -ESRCH when it is gone. */
int guest_state_open_root(const GuestState *s);
/* The same for a namespace of its init ("net", "mnt", "user"). fd, -ESRCH. */
int guest_state_open_namespace(const GuestState *s, const char *name);
/* Start time of a process (field 22 of its stat) below an open /proc/<pid>. 0, -ESRCH, -EBADMSG. */
int process_start_time(int proc_fd, uint64_t *ret);
/* Opens /proc/<pid>. fd, -ESRCH. */
int process_open(pid_t pid);

/* Directory of the payload's cgroup that has `controller` ("memory"; "" = the v2 one), into fresh memory. On pure v2 every controller is there.
 * 0, -ENOENT, -ENOMEM. */
int guest_state_cgroup(const GuestState *s, const char *controller, char **ret);
/* Reads a file of the payload's cgroup ("memory.usage_in_bytes", "memory.current"), found by its controller's name. 0 and *ret without the
 * newline at its end; -ENOENT, -errno. */
int guest_cgroup_get(const GuestState *s, const char *file, char **ret);
/* 1 (one hierarchy per controller, or hybrid) or 2; -errno. */
int guest_cgroup_version(void);
