/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the end of operations, whoever runs them. */
#pragma once

#include "manager.h"

typedef struct Watch Watch;

int watches_new(Manager *m, Watches **ret);
Watches *watches_free(Watches *w); /* callbacks are not called */
/* Nobody waits. */
bool watches_is_empty(Watches *w);

/* Called once: with the record in its final state (after a timeout: in its present one), or with NULL and an error (no such
 * operation, owner gone). The Watch is freed after it. */
typedef void (*watch_done_t)(const OperationRecord *record, const sd_bus_error *error, void *userdata);
/* timeout in µs, UINT64_MAX = none. ret may be NULL. 0; -ENOENT with error "Operation not found"; -errno. The callback is never called
 * from inside. */
int watch_operation(Watches *w, const char *id, uint64_t timeout, watch_done_t callback, void *userdata, Watch **ret,
                    sd_bus_error *error);
/* The caller has lost interest; the callback is not called. */
void watch_cancel(Watch *watch);

/* From the subscriptions: an operation changed; the connection to an owner was lost (its operations may be gone). */
void watches_changed(Watches *w, const OperationRecord *record);
void watches_owner_lost(Watches *w, int owner);

/* The uuid at the end of an operation's object path. 0, -EBADMSG, -ENOMEM. */
int operation_id_from_path(const char *path, char **ret);
