/* SPDX-License-Identifier: Apache-2.0 */
/* The dnsmasq of a network: its files, its unit, the reservations of guests. */
#pragma once

#include "manager.h"

/* Writes the configuration and starts, restarts or stops the unit as needed; nothing happens when all is as it was. done is called at
 * the end, possibly before this returns. 0, -errno with error set (done is not called). */
int dhcp_configure(Manager *m, const Network *n, done_t done, void *userdata, sd_bus_error *error);
/* Stops the unit. done as above. */
int dhcp_stop(Manager *m, const char *network, done_t done, void *userdata, sd_bus_error *error);
/* Removes all files of a network, leases included. */
int dhcp_remove(Manager *m, const char *network);
/* Moves the leases of a network that gets another name; the rest is written anew. */
int dhcp_rename(Manager *m, const char *old_name, const char *name);

/* Writes the reservation of a guest's interface; dnsmasq sees it by itself. Same content = nothing happens. 0, -errno. */
int dhcp_reserve(Manager *m, const Nic *nic);
/* Removes it, and ends the interface's leases. 0, -errno. */
int dhcp_release(Manager *m, const Nic *nic);
/* The name of a guest in DNS. 0, -ENOMEM. */
int dhcp_host_name(const char *project, const char *instance, char **ret);
