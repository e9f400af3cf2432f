/* SPDX-License-Identifier: Apache-2.0 */
/* Managed networks: creating, changing, renaming, deleting, and bringing them up at start. */
#pragma once

#include "job.h"

/* The changes, as first steps of jobs (job_run_t). What they need is in the job:
 * create: next (name, description, config). update: network.name, next.description, next.config, etag, flags (UPDATE_*).
 * rename: network.name, next.name. delete: network.name. */
int network_create(Job *j, sd_bus_error *error);
int network_update(Job *j, sd_bus_error *error);
int network_rename(Job *j, sd_bus_error *error);
int network_delete(Job *j, sd_bus_error *error);

/* Loads a managed network. -ENOENT "Network not found" with error set. */
int network_load(Manager *m, const char *name, Network *ret, sd_bus_error *error);
/* ETag of what a client may change. 0, -errno. */
int network_etag(const Network *n, char **ret);
/* At start: undoes or finishes what was interrupted, then brings every network up. 0, -errno. */
int network_start_all(Manager *m);

/* Who uses a network: asks lxd-instanced. The callback gets the URLs ("network name" -> list), or NULL with e. */
typedef struct UsedBy UsedBy;
typedef void (*used_by_t)(const UsedBy *used, const sd_bus_error *e, void *userdata);
/* 0, -errno with error set (the callback is not called). */
int used_by_query(Manager *m, used_by_t callback, void *userdata, sd_bus_error *error);
/* The URLs for one network; NULL = nobody. */
char *const *used_by_get(const UsedBy *used, const char *network);
