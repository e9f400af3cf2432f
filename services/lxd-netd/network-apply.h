/* SPDX-License-Identifier: Apache-2.0 */
/* Making the host what a network's record says, and the reverse: bridge, DHCP server and firewall together. */
#pragma once

#include "manager.h"

/* Bridge at once; DHCP server and firewall side by side, then done. `old` as in bridge_configure(). Repeating it does nothing.
 * 0; -errno with error set, then done is not called. */
int network_apply(Manager *m, const Network *n, const Network *old, done_t done, void *userdata, sd_bus_error *error);
/* Takes all of it away, leases too; the record must say "deleting" so that the rules go. As above. */
int network_remove(Manager *m, const Network *n, done_t done, void *userdata, sd_bus_error *error);
/* Gives the interface and the files of old_name the name of n and applies n. As above. */
int network_finish_rename(Manager *m, const char *old_name, const Network *n, done_t done, void *userdata, sd_bus_error *error);
