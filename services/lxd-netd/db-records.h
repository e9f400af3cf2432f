/* SPDX-License-Identifier: Apache-2.0 */
/* The records of lxd-netd; all of its SQL is in db-records.c. */
#pragma once

#include "base/str.h"
#include "db.h"

typedef struct Network {
        int64_t id;
        char *name, *description, *state, *old_name, *hwaddr;
        Config config;
} Network;

void network_done(Network *n);
int network_copy(const Network *n, Network *ret);

typedef struct NetworkList {
        Network *items;
        size_t n;
} NetworkList;

void network_list_done(NetworkList *l);

typedef struct Nic {
        int64_t id;
        uint64_t guest;
        char *device, *state, *project, *instance;
        char *network; /* name of the managed network, "" = an unmanaged bridge */
        char *host_name, *link, *hwaddr;
        char *ipv4, *ipv6; /* reserved addresses, "" = none */
        Config config;
} Nic;

void nic_done(Nic *n);

typedef struct NicList {
        Nic *items;
        size_t n;
} NicList;

void nic_list_done(NicList *l);

/* All functions: 0, -ENOENT where there is no such row, -EEXIST where the name is taken, -errno. *ret owned by the caller. */
int db_network_load(Db *db, const char *name, Network *ret);
int db_network_list(Db *db, NetworkList *ret);
/* Sets n->id. */
int db_network_insert(Db *db, Network *n);
/* Writes description, hwaddr and config. */
int db_network_update(Db *db, const Network *n);
int db_network_set_state(Db *db, int64_t id, const char *state);
/* The name changes and the former one is kept until db_network_rename_end(). The reservations of guests follow. */
int db_network_rename_begin(Db *db, int64_t id, const char *old_name, const char *name);
int db_network_rename_end(Db *db, int64_t id);
int db_network_delete(Db *db, int64_t id);

int db_nic_load(Db *db, uint64_t guest, const char *device, Nic *ret);
/* What to list: all, those of one guest, those on one network. */
int db_nic_list(Db *db, NicList *ret);
int db_nic_list_guest(Db *db, uint64_t guest, NicList *ret);
int db_nic_list_network(Db *db, const char *network, NicList *ret);
/* Inserts, or replaces the row of the same guest and device. */
int db_nic_put(Db *db, const Nic *n);
int db_nic_set_state(Db *db, uint64_t guest, const char *device, const char *state);
int db_nic_rename(Db *db, uint64_t guest, const char *instance);
int db_nic_delete(Db *db, uint64_t guest, const char *device);

int db_guest_put(Db *db, uint64_t guest, int nsid);
int db_guest_get(Db *db, uint64_t guest, int *ret_nsid);
int db_guest_delete(Db *db, uint64_t guest);

/* After a boot: forgets namespaces and turns attached interfaces into reservations. 1 = it was a new boot, 0, -errno. */
int db_check_boot(Db *db, const char *boot_id);
