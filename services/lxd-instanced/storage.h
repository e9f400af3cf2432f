/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs ask of lxd-storaged and lxd-netd: one function per call, each waits in the job. */
#pragma once

#include "job.h"

/* error may be NULL in reverses. All: 0, -errno with error set. */
int storage_create_volume(Job *j, const Instance *i, const Config *source, sd_bus_error *error);
/* snapshot NULL: the instance's volume with all. A pool of "" means there is none yet: nothing to do. */
int storage_delete_volume(Job *j, const Instance *i, const char *snapshot, sd_bus_error *error);
/* snapshot NULL: the instance from `from` to `to`, else one of its snapshots. */
int storage_rename_volume(Job *j, const Instance *i, bool snapshot, const char *from, const char *to, job_reply_t then, sd_bus_error *error);
/* then may be NULL. */
int storage_create_snapshot(Job *j, const Instance *i, const char *snapshot, job_reply_t then, sd_bus_error *error);
/* Gives the volume what another holds (pool, project, name as the bus has them). */
int storage_refresh_volume(Job *j, const Instance *i, const Config *source, job_reply_t then, sd_bus_error *error);
int storage_restore_snapshot(Job *j, const Instance *i, const char *snapshot, sd_bus_error *error);
int storage_set_size(Job *j, const Instance *i, const char *size, sd_bus_error *error);
typedef struct MountedVolume {
        char *path;     /* on the host */
        Strv idmap;     /* lxc.idmap lines of the ids that its files have; none: those inside */
        bool unmapped;  /* security.unmapped: its ids are left alone */
} MountedVolume;

void mounted_volume_done(MountedVolume *v);
/* Reads the answer of Mount. 0, -errno. */
int mounted_volume_read(sd_bus_message *m, MountedVolume *ret);
/* volume NULL: the root volume of the instance, else a custom volume of `pool`. *ret is the job's data's. */
int storage_mount(Job *j, const Instance *i, const char *pool, const char *volume, MountedVolume *ret, sd_bus_error *error);
int storage_mount_then(Job *j, const Instance *i, const char *pool, const char *volume, job_reply_t then, void *arg, sd_bus_error *error);
/* Has the files of a mounted volume given to other ids; then may be NULL. */
int storage_shift(Job *j, const Instance *i, const char *pool, const char *volume, char *const *idmap, job_reply_t then, void *arg,
                  sd_bus_error *error);
int storage_unmount(Job *j, const Instance *i, const char *pool, const char *volume, sd_bus_error *error);

/* The root volume, for another holder than the guest. */
int storage_mount_for(Job *j, const Instance *i, const char *holder, MountedVolume *ret, sd_bus_error *error);
/* Everything of this holder; NULL: of the guest. */
int storage_release(Job *j, const Instance *i, const char *holder, sd_bus_error *error);

/* The call that has one NIC checked. 0, negative errno with error set. */
int nic_validate_message(Job *j, const char *project, const char *instance, const Device *d, sd_bus_message **ret, sd_bus_error *error);
/* Has every NIC of the devices checked by lxd-netd. about: precedes what it says. */
int nics_validate(Job *j, const Devices *expanded, const char *about, sd_bus_error *error);
/* Has lxd-storaged asked for the custom volumes that are not in `old` as they are here (NULL: none is). about: as above, may be NULL. */
int volumes_validate(Job *j, const Devices *old, const Devices *expanded, const char *about, sd_bus_error *error);
/* The device's keys with hwaddr and name filled from volatile.*. 0, -ENOMEM. */
int nic_config(const Instance *i, const Device *d, Config *ret);
/* here: the interface is made at once, for liblxc to move. result: filled with lxd-netd's answer. */
int nic_attach(Job *j, const Instance *i, const Device *d, bool here, Config *ret_result, sd_bus_error *error);
/* The call alone, flags as in docs/bus.md. 0, -errno with error set. */
int nic_attach_message(Job *j, const Instance *i, const Device *d, uint64_t flags, sd_bus_message **ret, sd_bus_error *error);
/* Makes the attached interfaces that are not there yet in the guest's network namespace. */
int nic_connect(Job *j, const Instance *i, int netns_fd, sd_bus_error *error);
int nic_update(Job *j, const Instance *i, const Device *d, sd_bus_error *error);
/* device "" = all. */
int nic_detach(Job *j, uint64_t id, const char *device, sd_bus_error *error);
/* All of a guest that is being killed: liblxc would first move each to the host, where it is removed. Its end asks once more, and waits. */
void nic_detach_dying(Job *j, uint64_t id);
/* All of an instance that is being deleted, with its reservations. */
int nic_forget(Job *j, uint64_t id, sd_bus_error *error);
int nic_rename_guest(Job *j, uint64_t id, const char *name, sd_bus_error *error);

/* A call whose answer nobody needs. 0, -errno. */
int peer_call_ignore(BusPeer *p, sd_bus_message *m);
