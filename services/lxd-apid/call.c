/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the way from a request to the daemon that can answer it, and back. */

#include "bus-error.h"
#include "bus-server.h"
#include "call.h"
#include "operation-watch.h"
#include "reply.h"
#include "routes.h"

typedef struct Pending {
        Request *request;
        OperationOwner owner;
        CallThen then;
        bool any; /* then() is asked even about errors */
} Pending;

static Pending *pending_free(Pending *p) {
        if (!p)
                return NULL;
        request_unref(p->request);
        free(p);
        return NULL;
}
DEFINE_CLEANUP(Pending, pending_free)

static void begin(Call *c, Request *r, OperationOwner owner, const char *path, const char *interface, const char *member) {
        _cleanup_free_ char *name = NULL;

        *c = (Call) { .request = r, .owner = owner };
        c->error = str_format(&name, "%s%s", interface[0] == '.' ? owner_info(owner)->interface : "", interface);
        if (c->error >= 0)
                c->error = bus_peer_message(r->manager->peers[owner], &c->message, path, name, member);
}

void call_begin(Call *c, Request *r, OperationOwner owner, const char *interface, const char *member) {
        begin(c, r, owner, owner_info(owner)->root, interface, member);
}

/* root/kind/label/label..., each label encoded. */
static int object_path(OperationOwner owner, const char *kind, va_list labels, char **ret) {
        _cleanup_free_ char *path = NULL;
        int r = str_format(&path, "%s/%s", owner_info(owner)->root, kind);

        for (const char *label; r >= 0 && (label = va_arg(labels, const char *));) {
                char *longer = NULL;

                r = sd_bus_path_encode(path, label, &longer);
                if (r >= 0) {
                        free(path);
                        path = longer;
                }
        }
        if (r >= 0)
                *ret = TAKE_PTR(path);
        return r;
}

void call_begin_object(Call *c, Request *r, OperationOwner owner, const char *interface, const char *member, const char *kind, ...) {
        _cleanup_free_ char *path = NULL;
        va_list ap;
        int x;

        va_start(ap, kind);
        x = object_path(owner, kind, ap, &path);
        va_end(ap);

        if (x < 0)
                *c = (Call) { .request = r, .owner = owner, .error = x };
        else
                begin(c, r, owner, path, interface, member);
}

void call_append(Call *c, const char *types, ...) {
        va_list ap;

        if (c->error < 0)
                return;
        va_start(ap, types);
        c->error = sd_bus_message_appendv(c->message, types, ap);
        va_end(ap);
}

void call_config(Call *c, const Config *config) {
        if (c->error >= 0)
                c->error = bus_append_config(c->message, config);
}

void call_devices(Call *c, const Devices *devices) {
        if (c->error >= 0)
                c->error = bus_append_devices(c->message, devices);
}

void call_strv(Call *c, char *const *v) {
        if (c->error >= 0)
                c->error = bus_append_strv(c->message, v);
}

void call_requestor(Call *c) {
        if (c->error >= 0)
                c->error = bus_append_requestor(c->message, request_requestor(c->request));
}

/* sd-bus names errors that no daemon of ours wrote: put them into words a user can do something with. */
static int translate(Request *r, OperationOwner owner, const sd_bus_error *e, sd_bus_error *ret) {
        const char *daemon = owner_info(owner)->daemon;

        if (sd_bus_error_has_name(e, SD_BUS_ERROR_UNKNOWN_OBJECT))
                return bus_error_set(ret, LXD_ERROR_NOT_FOUND, "%s not found", r->route ? r->route->noun : "Object");
        if (sd_bus_error_has_names(e, SD_BUS_ERROR_UNKNOWN_METHOD, SD_BUS_ERROR_UNKNOWN_INTERFACE))
                return bus_error_set(ret, LXD_ERROR_NOT_SUPPORTED, "lxd-%s does not support this yet", daemon);
        return sd_bus_error_copy(ret, e);
}

static void on_reply(sd_bus_message *m, const sd_bus_error *e, void *userdata) {
        _cleanup_(pending_freep) Pending *p = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Request *r = p->request;
        int x;

        if (e && !p->any)
                x = translate(r, p->owner, e, &error);
        else
                x = p->then(r, m, &error);
        if (x < 0)
                (void) reply_bus_error(r, x, &error);
        if (r->response)
                request_resume(r);
}

static int send_call(Call *c, CallThen then, bool any, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = TAKE_PTR(c->message);
        _cleanup_(pending_freep) Pending *p = NULL;
        const char *daemon = owner_info(c->owner)->daemon;
        int r = c->error;

        if (r == -EINVAL)
                return bus_error_set(error, LXD_ERROR_INVALID, "The request has text that cannot be passed on");
        if (r >= 0) {
                p = calloc(1, sizeof(*p));
                if (!p)
                        return -ENOMEM;
                *p = (Pending) { .request = request_ref(c->request), .owner = c->owner, .then = then, .any = any };
                r = bus_peer_call(c->request->manager->peers[c->owner], m, on_reply, p);
        }
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE,
                                     "lxd-%s cannot be reached (%s); see \"systemctl status lxd-%s.socket\"", daemon,
                                     strerror(-r), daemon);
        TAKE_PTR(p);
        return 0;
}

int call_send(Call *c, CallThen then, sd_bus_error *error) {
        return send_call(c, then, false, error);
}

int call_send_any(Call *c, CallThen then, sd_bus_error *error) {
        return send_call(c, then, true, error);
}

int call_send_change(Call *c, uint64_t flags, CallThen then, sd_bus_error *error) {
        call_requestor(c);
        call_append(c, "t", flags);
        return call_send(c, then, error);
}

int call_send_document(Call *c, sd_bus_error *error) {
        call_append(c, "t", (uint64_t) 0);
        return call_send(c, then_document, error);
}

int then_document(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        const char *etag = NULL;
        int fd, x;

        x = sd_bus_message_read(reply, "h", &fd);
        if (x >= 0 && !sd_bus_message_at_end(reply, true))
                x = sd_bus_message_read(reply, "s", &etag);
        return x < 0 ? x : reply_document(r, fd, etag);
}

int then_empty(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        return reply_empty(r);
}

int then_created(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        return reply_created(r, r->location);
}

static int on_record(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_(operation_record_done) OperationRecord record = {};
        int x = operation_record_read(reply, &record);

        return x < 0 ? x : reply_operation(r, &record, NULL);
}

int then_operation(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_free_ char *id = NULL;
        const char *path;
        Call c;
        int x;

        x = sd_bus_message_read(reply, "o", &path);
        if (x >= 0)
                x = operation_id_from_path(path, &id);
        if (x < 0)
                return x;

        call_begin_object(&c, r, operation_owner(id), LXD_BUS_PREFIX ".Operation1", "Get", "operation", id, NULL);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, on_record, error);
}

static void on_finished(const OperationRecord *record, const sd_bus_error *error, void *userdata) {
        _cleanup_(request_unrefp) Request *r = userdata;

        if (!record)
                (void) reply_bus_error(r, -EIO, error);
        else if (record->status == OPERATION_SUCCESS)
                (void) reply_empty(r);
        else
                (void) reply_error(r, record->status == OPERATION_FAILURE ? bus_error_http_status(record->error_name) : 400,
                                   isempty(record->error) ? "Operation cancelled" : record->error);
        request_resume(r);
}

int then_finished(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_free_ char *id = NULL;
        const char *path;
        int x;

        x = sd_bus_message_read(reply, "o", &path);
        if (x >= 0)
                x = operation_id_from_path(path, &id);
        if (x < 0)
                return x;

        x = watch_operation(r->manager->watches, id, UINT64_MAX, on_finished, request_ref(r), NULL, error);
        if (x < 0)
                request_unref(r);
        return x;
}
