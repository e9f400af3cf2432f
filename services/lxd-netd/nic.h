/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces of guests: attaching to a bridge, live changes, detaching. */
#pragma once

#include "manager.h"
#include "nic-config.h"

/* Refuses what cannot work on this host. 0, -errno with error set. */
int nic_validate(Manager *m, const char *project, const char *instance, const char *device, const Config *config, sd_bus_error *error);
/* Flags of Attach. */
enum {
        NIC_ATTACH_HERE = 1 << 0, /* the interface is made at once, for somebody else to move it into the guest */
};
/* Takes an interface on: its names and addresses are chosen, reserved and recorded, its filters set; replaces what this guest and device had.
 * nic: guest, device, project, instance and config are given, the rest is filled in. done is called when filters are in force, at once when
 * there are none. 0, -errno with error set. */
int nic_attach(Manager *m, Nic *nic, uint64_t flags, done_t done, void *userdata, sd_bus_error *error);
/* Makes the interfaces of a guest that were taken on and are not there yet, in the guest's network namespace. 0, -errno with error set. */
int nic_connect_all(Manager *m, uint64_t guest, int netns_fd, sd_bus_error *error);
/* What Attach answers: link, host_name, name, hwaddr. 0, -ENODEV: it is gone again, -errno. */
int nic_result(Manager *m, const Nic *nic, Config *ret);
/* Applies the live keys of config to an attached interface. */
int nic_update(Manager *m, uint64_t guest, const char *device, const Config *config, done_t done, void *userdata, sd_bus_error *error);
/* Flags of Detach. */
enum {
        NIC_DETACH_FORGET = 1 << 0, /* the instance is deleted: reservations go too */
        NIC_DETACH_DYING = 1 << 1,  /* the guest is being killed: those that have their other end on the host; what is in the guest altogether comes
                                     * back with its end */
};
/* device "" = all of the guest, which has stopped: reservations stay unless NIC_DETACH_FORGET. A single device: it is forgotten. Missing = success. */
int nic_detach(Manager *m, uint64_t guest, const char *device, uint64_t flags, done_t done, void *userdata, sd_bus_error *error);
/* The record of an interface that is off the host, and its reservation. 0, -errno. */
int nic_forget(Manager *m, const Nic *nic);
/* The instance has another name: so do its DNS records. */
int nic_rename_guest(Manager *m, uint64_t guest, const char *instance);
/* At start: guests that are gone lose their interfaces, reservations of deleted instances end. */
int nic_start_all(Manager *m);
/* The address that a guest makes from a /64 prefix and its hardware address. 0, -EINVAL. */
int nic_make_ipv6(const InetPrefix *prefix, const char *hwaddr, InetPrefix *ret);

/* The guest's namespace gets an id here. */
int guest_register(Manager *m, uint64_t guest, int netns_fd);
/* {"<id>": {"eth0": {...}}} of these guests as a memfd; unknown guests are left out. fd, -errno. */
int guest_describe(Manager *m, const uint64_t *guests, size_t n);
