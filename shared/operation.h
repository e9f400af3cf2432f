/* SPDX-License-Identifier: Apache-2.0 */
/* Long jobs: the object, org.lxd.Operation1 and org.lxd.Operations1, lifecycle signals. */
#pragma once

#include "base/str.h"
#include "bus-message.h"
#include "bus-server.h"
#include "keyvalue.h"

typedef struct Operations Operations;
typedef struct Operation Operation;

/* REST's status codes. */
typedef enum OperationStatus {
        OPERATION_RUNNING = 103,
        OPERATION_CANCELLING = 104,
        OPERATION_PENDING = 105,
        OPERATION_SUCCESS = 200,
        OPERATION_FAILURE = 400,
        OPERATION_CANCELLED = 401,
} OperationStatus;

/* The last digit of the uuid: whose operation it is. */
typedef enum OperationOwner {
        OPERATION_OWNER_APID = 1,
        OPERATION_OWNER_CLUSTERD,
        OPERATION_OWNER_IMAGED,
        OPERATION_OWNER_STORAGED,
        OPERATION_OWNER_NETD,
        OPERATION_OWNER_INSTANCED,
        OPERATION_OWNER_DEVLXD,
} OperationOwner;

#define OPERATION_SIGNATURE "(sssuttsa{sas}a{ss}bss)"
#define OPERATIONS_MAX 1024 /* per daemon; more is refused with Unavailable */

/* Registers the two interfaces at server. root as in bus_server_new(). 0, -errno. */
int operations_new(sd_event *event, BusServer *server, const char *root, OperationOwner owner, Operations **ret);
Operations *operations_free(Operations *o);
size_t operations_running(Operations *o); /* not finished ones */
size_t operations_count(Operations *o);   /* with those that linger for 5 s */
Operation *operations_find(Operations *o, const char *id);

/* A new operation in state Pending -> Running at once. class "task", "websocket" or "token"; description is LXD's text
 * (reference operation_types). who may be NULL. Owned by the Operations; alive until 5 s after operation_finish(). 0, -errno
 * with error set (Unavailable when there are too many). */
int operation_new(Operations *o, const char *class, const char *description, const char *project,
                  const Requestor *who, Operation **ret, sd_bus_error *error);
const char *operation_id(Operation *op); /* NULL for NULL */
const char *operation_path(Operation *op);
const char *operation_project(Operation *op);
const Requestor *operation_requestor(Operation *op);
OperationStatus operation_status(Operation *op);
/* kind "instances", url "/1.0/instances/c1"; NULL: just the kind, with nothing yet. 0, -ENOMEM. */
int operation_add_resource(Operation *op, const char *kind, const char *url);
/* Sets one key of the metadata and signals the change. 0, -ENOMEM. */
int operation_set_metadata(Operation *op, const char *key, const char *value);
/* progress: at most about ten signals a second leave; key like "create_instance_from_image_unpack". percent <= 100, speed bytes/s or 0. */
int operation_progress(Operation *op, const char *key, unsigned percent, uint64_t speed);
/* Makes it cancellable: callback is called once by Cancel; the job must then end itself with operation_finish(op, -ECANCELED, NULL). */
void operation_set_cancel(Operation *op, void (*callback)(Operation *op, void *userdata), void *userdata);
/* The end: r >= 0 success; -ECANCELED cancelled; else failure with the text of e (or strerror(r)). Logs failures with
 * LXD_OPERATION= and LXD_REQUESTOR=. The pointer stays valid for the 5 s, but do not use it further. */
void operation_finish(Operation *op, int r, const sd_bus_error *e);
/* Signals that it runs; for who answers with its path himself. Its resources are complete. */
void operation_begun(Operation *op);
/* The same, and replies to m with the operation's path. */
int operation_reply(Operation *op, sd_bus_message *m);

/* Appends / reads one OP record. Reading: *ret fields are owned, operation_record_done() frees. */
typedef struct OperationRecord {
        char *id, *class, *description, *project, *error, *error_name;
        uint32_t status;
        uint64_t created, updated;
        struct { char *kind; Strv urls; } *resources;
        size_t n_resources;
        Config metadata;
        bool may_cancel;
} OperationRecord;
int operation_record_read(sd_bus_message *m, OperationRecord *ret);
void operation_record_done(OperationRecord *r);
const char *operation_status_text(uint32_t status); /* "Running", ... */
/* Owner digit of a uuid text; -EINVAL if it is not a uuid. */
int operation_owner(const char *id);

/* Emits a signal of Operations1; append writes its arguments. 0, -errno. */
int operations_emit(Operations *o, const char *signal, int (*append)(sd_bus_message *m, void *userdata), void *userdata);
