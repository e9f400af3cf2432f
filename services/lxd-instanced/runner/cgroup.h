/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroups of one container: <unit>/supervisor (the runner, on v2), <unit>/monitor (liblxc's monitor), <unit>/payload (the
 * guest), the same below every hierarchy. */
#pragma once

#include "base/cleanup.h"

typedef struct Cgroups {
        char *unit;      /* the unit's cgroup, relative to that of PID 1: "lxd.slice/lxd-container@1.service" */
        char *payload;   /* for GuestState.cgroups: a line "<controllers>:<directory of the payload>" per hierarchy */
} Cgroups;

void cgroups_done(Cgroups *c);
/* Those of the unit that this process is of, be it a command for the unit (ExecStopPost=): from /proc/self/cgroup and /proc/1/cgroup.
 * 0, -ENOENT: no cgroups here, -errno. */
int cgroups_find(Cgroups *ret);
/* The same from given texts; pure, for tests. */
typedef bool (*is_hierarchy_t)(const char *directory, bool v2); /* is one of that version mounted there? */
int cgroups_parse(const char *self, const char *init, is_hierarchy_t is_hierarchy, Cgroups *ret);
/* Makes the supervisor's cgroup. Where the unit's own cgroup has controllers (v2), it may have no processes once they are handed down: moves
 * this process out of it and hands them down. 0, -errno. */
int cgroups_enter_supervisor(const Cgroups *c);
/* Kills all processes of the unit, the guest's and liblxc's, but those of the service manager's own commands; gives how many there were. */
unsigned cgroups_kill(const char *payload);
/* Removes what is left of monitor, payload and supervisor (empty cgroups only) in all hierarchies of `payload`, and where liblxc made it the
 * unit's own. Nobody else removes them in hierarchies that systemd does not manage for the unit, and liblxc refuses to start into old ones.
 * False: some are left. */
bool cgroups_remove(const char *payload);
/* As long as it is held, nobody removes the empty slice, in which liblxc makes the unit's directory a moment later. A file descriptor, or -errno. */
int cgroups_hold_slice(void);
void cgroups_let_go_of_slice(int fd);
/* In those hierarchies: also of other units whose names begin with `prefix` and that are not there any more, which means that the process
 * that was to remove them was killed. To be called when the own ones are removed. */
void cgroups_sweep(const char *payload, const char *prefix);
