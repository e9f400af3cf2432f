/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/operations: everybody's, gathered. */

#include "bus-error.h"
#include "call.h"
#include "operation-json.h"
#include "operation-watch.h"
#include "reply.h"
#include "rest.h"
#include "session.h"

/* Which daemon to ask. -ENOENT with error set when the id is nobody's. */
static int find_owner(Request *r, const char *id, sd_bus_error *error) {
        int owner = strlen(id) == 36 ? operation_owner(id) : -EINVAL;

        if (owner < 0 || !owner_info(owner))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Operation not found");
        return owner;
}

/* The secrets of an exec session are shown to nobody but the user who began it. */
static bool may_see_secrets(Request *r, const char *id) {
        const Requestor *mine = request_requestor(r), *theirs = sessions_requestor(r->manager->sessions, id);

        return theirs && streq_ptr(mine->user, theirs->user) && streq_ptr(mine->protocol, theirs->protocol);
}

static int reply_record(Request *r, const OperationRecord *record) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *metadata = NULL;

        (void) sessions_metadata(r->manager->sessions, record->id, may_see_secrets(r, record->id), &metadata);
        json_operation(&w, NULL, record, metadata);
        return reply_json(r, &w, NULL);
}

static int then_record(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_(operation_record_done) OperationRecord record = {};
        int x = operation_record_read(reply, &record);

        return x < 0 ? x : reply_record(r, &record);
}

int rest_operation_get(Request *r, sd_bus_error *error) {
        _cleanup_(operation_record_done) OperationRecord record = {};
        const char *id = r->labels[0];
        int owner = find_owner(r, id, error);
        Call c;

        if (owner < 0)
                return owner;
        if (owner == OPERATION_OWNER_APID) {
                int x = sessions_record(r->manager->sessions, id, &record);

                if (x == -ENOENT)
                        return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Operation not found");
                return x < 0 ? x : reply_record(r, &record);
        }
        call_begin_object(&c, r, owner, LXD_BUS_PREFIX ".Operation1", "Get", "operation", id, NULL);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_record, error);
}

int rest_operation_delete(Request *r, sd_bus_error *error) {
        const char *id = r->labels[0];
        int owner = find_owner(r, id, error);
        Call c;

        if (owner < 0)
                return owner;
        if (owner == OPERATION_OWNER_APID) {
                int x = sessions_cancel(r->manager->sessions, id, error);

                return x < 0 ? x : reply_empty(r);
        }
        call_begin_object(&c, r, owner, LXD_BUS_PREFIX ".Operation1", "Cancel", "operation", id, NULL);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_empty, error);
}

static void on_waited(const OperationRecord *record, const sd_bus_error *error, void *userdata) {
        _cleanup_(request_unrefp) Request *r = userdata;

        r->waiting = NULL;
        if (record)
                (void) reply_record(r, record);
        else
                (void) reply_bus_error(r, -EIO, error);
        request_resume(r);
}

/* The client has left: nobody waits any more. */
static void on_left(Request *r) {
        if (!r->waiting)
                return;
        watch_cancel(r->waiting);
        r->waiting = NULL;
        (void) reply_error(r, 500, "The client has left");
        request_resume(r);
        request_unref(r);
}

int rest_operation_wait_get(Request *r, sd_bus_error *error) {
        const char *text = request_parameter(r, "timeout");
        uint64_t timeout = UINT64_MAX;
        Watch *watch = NULL;
        int64_t seconds;
        int x;

        if (!isempty(text)) {
                if (parse_i64(text, &seconds) < 0 || seconds < -1 || seconds > INT32_MAX)
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid timeout \"%.100s\"", text);
                if (seconds >= 0)
                        timeout = (uint64_t) seconds * USEC_PER_SEC;
        }
        x = watch_operation(r->manager->watches, r->labels[0], timeout, on_waited, r, &watch, error);
        if (x < 0)
                return x;
        request_ref(r);
        r->waiting = watch;
        r->on_hangup = on_left;
        return 0;
}

int rest_operation_websocket_get(Request *r, sd_bus_error *error) {
        const char *id = r->labels[0], *secret = strempty(request_parameter(r, "secret"));
        int owner;

        if (secret[0] == '\0')
                return bus_error_set(error, LXD_ERROR_INVALID, "missing secret");
        owner = find_owner(r, id, error);
        if (owner < 0)
                return owner;
        if (owner != OPERATION_OWNER_APID)
                return bus_error_set(error, LXD_ERROR_INVALID, "Only websocket operations can be connected");
        return sessions_connect(r->manager->sessions, id, secret, r, error);
}

/* The list: every owner is asked at once, and the last one who answers ends it. */

typedef struct OperationList {
        OperationRecord *records;
        size_t n, allocated;
        unsigned open; /* owners who have not answered */
} OperationList;

static void list_free(void *p) {
        OperationList *l = p;

        for (size_t i = 0; i < l->n; i++)
                operation_record_done(&l->records[i]);
        free(l->records);
        free(l);
}

/* Takes the record when it is of this project (NULL: any). */
static int list_add(OperationList *l, OperationRecord *record, const char *project) {
        if (project && !isempty(record->project) && !streq(record->project, project)) {
                operation_record_done(record);
                return 0;
        }
        if (l->n == l->allocated) {
                size_t want = MAX(l->allocated * 2, (size_t) 16);
                OperationRecord *more = reallocarray(l->records, want, sizeof(*more));

                if (!more) {
                        operation_record_done(record);
                        return -ENOMEM;
                }
                l->records = more;
                l->allocated = want;
        }
        l->records[l->n++] = *record;
        return 0;
}

static const char *wanted_project(Request *r) {
        return request_parameter_is_true(r, "all-projects") ? NULL : r->project;
}

/* By status, as LXD groups them, in lower case: {"running": [...], "success": [...]}. */
static int reply_list(Request *r, const OperationList *l) {
        static const OperationStatus order[] = { OPERATION_CANCELLED, OPERATION_CANCELLING, OPERATION_FAILURE,
                                                 OPERATION_PENDING,   OPERATION_RUNNING,    OPERATION_SUCCESS };
        _cleanup_(json_done) JsonWriter w = {};
        bool full = request_recursion(r) > 0;

        json_object_begin(&w, NULL);
        for (size_t k = 0; k < ELEMENTSOF(order); k++) {
                char name[32];
                bool open = false;
                size_t i;

                for (i = 0; i < sizeof(name) - 1 && operation_status_text(order[k])[i]; i++)
                        name[i] = (char) (operation_status_text(order[k])[i] | 0x20);
                name[i] = '\0';
                for (i = 0; i < l->n; i++) {
                        _cleanup_free_ char *metadata = NULL;

                        if (l->records[i].status != order[k])
                                continue;
                        if (!open)
                                json_array_begin(&w, name);
                        open = true;
                        if (full) {
                                (void) sessions_metadata(r->manager->sessions, l->records[i].id, false, &metadata);
                                json_operation(&w, NULL, &l->records[i], metadata);
                        } else
                                json_stringf(&w, NULL, "/1.0/operations/%s", l->records[i].id);
                }
                if (open)
                        json_array_end(&w);
        }
        json_object_end(&w);
        return reply_json(r, &w, NULL);
}

static int then_list(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        OperationList *l = r->waiting;
        int x = 0;

        /* A daemon that cannot answer has no operations. */
        if (!sd_bus_message_is_method_error(reply, NULL)) {
                x = sd_bus_message_enter_container(reply, 'a', OPERATION_SIGNATURE);
                while (x >= 0 && !sd_bus_message_at_end(reply, false)) {
                        OperationRecord record = {};

                        x = operation_record_read(reply, &record);
                        if (x >= 0)
                                x = list_add(l, &record, wanted_project(r));
                }
        }
        if (--l->open == 0 && x >= 0 && !r->response)
                x = reply_list(r, l);
        return x;
}

static int list_own(Request *r, OperationList *l) {
        _cleanup_strv_free_ Strv ids = NULL;
        int x = sessions_ids(r->manager->sessions, &ids);

        STRV_FOREACH(id, ids) {
                OperationRecord record = {};

                if (x >= 0)
                        x = sessions_record(r->manager->sessions, *id, &record);
                if (x >= 0)
                        x = list_add(l, &record, wanted_project(r));
        }
        return x;
}

int rest_operations_get(Request *r, sd_bus_error *error) {
        OperationList *l = calloc(1, sizeof(*l));
        int x;

        if (!l)
                return -ENOMEM;
        r->waiting = l;
        r->free_waiting = list_free;
        x = list_own(r, l);
        if (x < 0)
                return x;

        for (int owner = 1; owner < OWNER_MAX; owner++) {
                Call c;

                if (!r->manager->peers[owner])
                        continue;
                call_begin(&c, r, owner, LXD_BUS_PREFIX ".Operations1", "List");
                call_append(&c, "t", (uint64_t) 0);
                if (call_send_any(&c, then_list, NULL) >= 0)
                        l->open++;
        }
        return l->open == 0 ? reply_list(r, l) : 0;
}
