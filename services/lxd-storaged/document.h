/* SPDX-License-Identifier: Apache-2.0 */
/* Pools, volumes and snapshots as the JSON of REST. */
#pragma once

#include <systemd/sd-bus.h>

#include "json-write.h"
#include "model.h"

/* key NULL: inside an array or at the top. used_by is written as it is. */
void document_pool(JsonWriter *w, const char *key, const Pool *p, char *const *used_by);
/* snapshot NULL: the volume itself; else that snapshot of it, named "volume/snapshot", as lists of volumes show it. */
void document_volume(JsonWriter *w, const char *key, const Volume *v, const Snapshot *snapshot, char *const *used_by);
/* full_name: "volume/snapshot" as in lists, else the bare name. */
void document_snapshot(JsonWriter *w, const char *key, const Volume *v, const Snapshot *s, bool full_name);

/* ETags over what PUT can change. 0, -errno. */
int document_pool_etag(const Pool *p, char **ret);
int document_volume_etag(const Volume *v, char **ret);
int document_snapshot_etag(const Snapshot *s, char **ret);
/* 0, or -ESTALE with error PreconditionFailed: `given` is neither empty nor the current one. */
int document_check_etag(const char *given, const char *current, sd_bus_error *error);
