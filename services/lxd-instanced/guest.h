/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of a runner: what a guest needs before it starts, its network, that it runs, that it is gone. */
#pragma once

#include "idmap.h"
#include "job.h"

/* Answers PrepareGuest with (s a(ss) a{ss}), from what guest_prepare_ahead() began or from the beginning. 1, negative errno with error set. */
int guest_prepare(Instance *i, sd_bus_message *m, sd_bus_error *error);
/* While the service manager starts the runner: does what the runner is going to ask for. What fails here fails again when it asks, and is
 * told then. */
void guest_prepare_ahead(Instance *i);
/* There is no runner that could use it: what is being prepared, asked for or not, is undone. waiter, which may be NULL, waits for that. */
void guest_prepare_cancel(Instance *i, Job *waiter);
/* Its network namespace (borrowed) is there and its init not yet: lxd-netd makes its interfaces. The job answers when done. */
int guest_connect(Instance *i, int netns_fd, Job **ret);
/* The guest runs: state, last use, lifecycle. The job answers when done. */
int guest_started(Instance *i, pid_t pid, Job **ret);
/* The guest is gone: undoes all of PrepareGuest, then wakes who waits, deletes an ephemeral one, or starts one that asked for a reboot.
 * Idempotent. reason as in docs/bus.md. */
int guest_stopped(Instance *i, const char *reason, Job **ret, sd_bus_error *error);
/* The same without a caller. */
int guest_cleanup(Instance *i, const char *reason);
/* What follows from a guest's end is being done already. */
bool guest_is_ending(const Instance *i);
/* Of one that is: m is answered when all is released. Before that its unit must not go, nobody else would know of what is left. */
int guest_reply_ended(Instance *i, sd_bus_message *m);

/* At the daemon's start: is the guest of this instance alive, by what its runner left in /run? Sets state and pid. */
void guest_discover(Instance *i);
/* Then, once there are buses: releases what a guest held that has ended while nobody looked. */
void guest_release_ended(Instance *i);

/* volatile.idmap.base and .next: what the next start will use by the configuration as it is now. 0, negative errno with error set. */
int guest_idmap_next(Instance *i, Config *ret, sd_bus_error *error);
/* The map for this instance by its configuration; for isolated ones a free range, remembered in volatile.idmap.base. Privileged: empty. 0,
 * negative errno with error set. */
int guest_idmap(Instance *i, Idmap *ret, sd_bus_error *error);
/* lxc.idmap lines for guest-files.h. 0, -ENOMEM. */
int idmap_to_lines(const Idmap *m, Strv *ret);
/* The name that liblxc knows the guest by. 0, -ENOMEM. */
int guest_lxc_name(const Instance *i, char **ret);
/* CPUs for limits.cpu; NULL in *ret = no limit. 0, -ENOMEM. */
int guest_choose_cpus(Instance *i, const char *limit, char **ret);
