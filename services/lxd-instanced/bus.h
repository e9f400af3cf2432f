/* SPDX-License-Identifier: Apache-2.0 */
/* What the bus-*.c files share. */
#pragma once

#include "bus-error.h"
#include "manager.h"

#define IFACE(name) LXD_BUS_PREFIX ".instance1." name

extern const sd_bus_vtable manager_vtable[], guest_vtable[], references_vtable[], instance_vtable[], files_vtable[], snapshot_vtable[],
        profile_vtable[], metadata_vtable[];

/* .Instance.DescribeMetadata. */
int method_describe_metadata(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* sd_bus_object_find_t of the three families. */
int instance_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error);
int snapshot_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error);
int profile_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error);

/* Reads (sss) t at the end of a message. 0, negative errno with error set. */
int bus_read_tail(sd_bus_message *m, Requestor *who, uint64_t known_flags, uint64_t *ret_flags, sd_bus_error *error);
/* For handlers that make a job with an operation: r is the maker's result. */
int bus_reply_job(sd_bus_message *m, int r, Job *j);
/* Writes one document from fill(), with etag (may be NULL). */
int bus_reply_writer(sd_bus_message *m, JsonWriter *w, const char *etag);
