/* SPDX-License-Identifier: Apache-2.0 */
/* The state of lxd-clusterd: the configuration in memory, everything else in the database. */
#pragma once

#include "daemon.h"
#include "db-records.h"

typedef struct Manager {
        Db *db;
        Config config; /* as stored: secrets are hashes */
        Daemon *daemon; /* NULL in tests: then nothing is signalled */
} Manager;

/* Opens the database and loads. state_dir: where server.crt and server.key are made; NULL = not at all. 0, -errno. */
int manager_load(Manager *m, const char *database, const char *state_dir);
void manager_done(Manager *m);

/* Applies a change of the server configuration. flags: UPDATE_MERGE. etag "" = unchecked. 0, -errno with error set. */
int manager_update_config(Manager *m, const Config *change, const char *etag, const Requestor *who, uint64_t flags,
                          sd_bus_error *error);
/* The public configuration and its ETag. 0, -errno. */
int manager_public_config(Manager *m, Config *ret, char **ret_etag);
/* Says what happened: Lifecycle with the source URL. */
void manager_lifecycle(Manager *m, const char *action, const char *source, const Requestor *who);
/* 0 when etag is empty or equal to current; -ESTALE with error set. */
int etag_check(const char *etag, const char *current, sd_bus_error *error);

/* Tables for DaemonSpec. */
extern const BusInterface manager_interfaces[];
extern const struct BusEnumerator manager_enumerators[];
extern const sd_bus_vtable manager_vtable[];
extern const sd_bus_vtable certificate_vtable[];
extern const sd_bus_vtable project_vtable[];
int certificate_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                            sd_bus_error *error);
int certificate_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error);
int project_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                        sd_bus_error *error);
int project_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error);

/* Methods of the manager that live with their noun. */
int method_list_certificates(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_add_certificate(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_is_trusted(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_projects(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_create_project(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_get_project(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_describe_resources(sd_bus_message *m, void *userdata, sd_bus_error *error);

#define CLUSTER_ROOT "/org/lxd/cluster1"
#define CLUSTER_INTERFACE(suffix) LXD_BUS_PREFIX ".cluster1." suffix
