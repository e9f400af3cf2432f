/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of a network: making it look as its configuration says, and taking it away. */
#pragma once

#include "manager.h"
#include "undo.h"

/* Makes or takes over the bridge and gives it everything its configuration says. `old` is what it was configured as before (or NULL):
 * what that had and the new one has not is removed. Works on a bridge that is complete already. 0; -errno with error set, then a bridge
 * that was made here is gone again. */
int bridge_configure(Manager *m, const Network *n, const Network *old, sd_bus_error *error);
/* Takes away every address and route that the configuration does not know: a change was interrupted. 0, -errno. */
int bridge_remove_strays(Manager *m, const Network *n);
/* Removes the bridge and its tunnels; external interfaces become free. Missing ones are fine. 0, -errno. */
int bridge_remove(Manager *m, const Network *n, sd_bus_error *error);
/* Renames the interface when it still has the old name. 0, -errno with error set. */
int bridge_rename(Manager *m, const char *old_name, const char *name, sd_bus_error *error);
/* Replaces "auto" addresses by free subnets and fills in what LXD fills in for a new network (created: addresses that are not given
 * are auto too). 0, -errno with error set. */
int bridge_fill_config(Manager *m, Network *n, bool created, sd_bus_error *error);
/* An address for the bridge that stays the same over restarts: bridge.hwaddr, or the one it had, or a random one. 0, -errno. */
int bridge_choose_hwaddr(Network *n);
