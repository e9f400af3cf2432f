/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: what runs, what just ended, and the signals that tell. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/clock.h"
#include "bus-error.h"
#include "crash.h"
#include "log.h"
#include "operation.h"

#define LINGER_USEC (5 * USEC_PER_SEC)
#define PROGRESS_USEC (100 * USEC_PER_MSEC)
#define UUID_LENGTH 36

typedef struct Resource {
        char *kind;
        Strv urls;
} Resource;

struct Operation {
        Operations *manager;
        char *id, *path, *class, *description, *project, *error, *error_name;
        OperationStatus status;
        uint64_t created, updated, last_progress;
        Resource *resources;
        size_t n_resources;
        Config metadata;
        Requestor who;
        void (*cancel)(Operation *op, void *userdata);
        void *cancel_userdata;
        sd_event_source *linger;
        Operation *previous, *next;
};

struct Operations {
        sd_event *event;
        BusServer *server;
        char *root, *prefix;
        OperationOwner owner;
        Operation *list;
        size_t n, n_running;
        BusInterface manager_interface, root_interface, operation_interface;
};

static Operation *operation_free(Operation *op) {
        if (op->previous)
                op->previous->next = op->next;
        else
                op->manager->list = op->next;
        if (op->next)
                op->next->previous = op->previous;
        op->manager->n--;
        if (op->status < OPERATION_SUCCESS)
                op->manager->n_running--;
        sd_event_source_disable_unref(op->linger);
        for (size_t i = 0; i < op->n_resources; i++) {
                free(op->resources[i].kind);
                strv_free(op->resources[i].urls);
        }
        free(op->resources);
        config_done(&op->metadata);
        requestor_done(&op->who);
        free(op->id);
        free(op->path);
        free(op->class);
        free(op->description);
        free(op->project);
        free(op->error);
        free(op->error_name);
        free(op);
        return NULL;
}

size_t operations_running(Operations *o) {
        return o->n_running;
}

size_t operations_count(Operations *o) {
        return o->n;
}

Operation *operations_find(Operations *o, const char *id) {
        for (Operation *op = o->list; op; op = op->next)
                if (streq(op->id, id))
                        return op;
        return NULL;
}

static int append_resources(sd_bus_message *m, Operation *op) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sas}");
        for (size_t i = 0; r >= 0 && i < op->n_resources; i++) {
                r = sd_bus_message_open_container(m, 'e', "sas");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", op->resources[i].kind);
                if (r >= 0)
                        r = bus_append_strv(m, op->resources[i].urls);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_record(sd_bus_message *m, void *userdata) {
        Operation *op = userdata;
        int r;

        r = sd_bus_message_open_container(m, 'r', "sssuttsa{sas}a{ss}bss");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "sssutts", op->id, op->class, op->description, (uint32_t) op->status,
                                  op->created, op->updated, op->project);
        if (r >= 0)
                r = append_resources(m, op);
        if (r >= 0)
                r = bus_append_config(m, &op->metadata);
        if (r >= 0)
                r = sd_bus_message_append(m, "bss", op->cancel && op->status == OPERATION_RUNNING, strempty(op->error), strempty(op->error_name));
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static void tell_state(Operation *op) {
        int r;

        r = bus_server_emit(op->manager->server, op->manager->root, LXD_BUS_PREFIX ".Operations1", "Changed",
                            append_record, op);
        if (r < 0)
                log_warning_errno(r, "Failed to signal a change of operation %s: %m", op->id);
}

static void operation_changed(Operation *op) {
        op->updated = now_realtime();
        tell_state(op);
}

/* Operations1 */

static int method_list(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Operations *o = userdata;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', OPERATION_SIGNATURE);
        for (Operation *op = o->list; r >= 0 && op; op = op->next)
                r = append_record(reply, op);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_subscribe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Operations *o = userdata;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        r = bus_server_subscribe(o->server, m);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable operations_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("List", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("a" OPERATION_SIGNATURE, operations),
                                method_list, 0),
        SD_BUS_METHOD_WITH_ARGS("Subscribe", SD_BUS_ARGS("t", flags), SD_BUS_NO_RESULT, method_subscribe, 0),
        SD_BUS_SIGNAL_WITH_ARGS("Changed", SD_BUS_ARGS(OPERATION_SIGNATURE, operation), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Lifecycle",
                                SD_BUS_ARGS("s", project, "s", action, "s", source, "a{ss}", context, "(sss)", requestor),
                                0),
        SD_BUS_VTABLE_END,
};

/* Operation1 */

static int method_get(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = append_record(reply, userdata);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Operation *op = userdata;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        if (!op->cancel || op->status != OPERATION_RUNNING)
                return bus_error_set(error, LXD_ERROR_INVALID, "This operation can't be cancelled");
        op->status = OPERATION_CANCELLING;
        operation_changed(op);
        op->cancel(op, op->cancel_userdata); /* may finish it right away; op stays valid for the linger time */
        return sd_bus_reply_method_return(m, NULL);
}

static int property_text(sd_bus *bus, const char *path, const char *interface, const char *property,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Operation *op = userdata;
        const char *text = streq(property, "Id")            ? op->id
                           : streq(property, "Class")       ? op->class
                           : streq(property, "Description") ? op->description
                           : streq(property, "Project")     ? op->project
                           : streq(property, "Status")      ? operation_status_text(op->status)
                                                            : strempty(op->error);

        return sd_bus_message_append(reply, "s", text);
}

static int property_status_code(sd_bus *bus, const char *path, const char *interface, const char *property,
                                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "u", (uint32_t) ((Operation *) userdata)->status);
}

static int property_created(sd_bus *bus, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "t", ((Operation *) userdata)->created);
}

static int property_resources(sd_bus *bus, const char *path, const char *interface, const char *property,
                              sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return append_resources(reply, userdata);
}

static int property_metadata(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return bus_append_config(reply, &((Operation *) userdata)->metadata);
}

static const sd_bus_vtable operation_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Get", SD_BUS_ARGS("t", flags), SD_BUS_RESULT(OPERATION_SIGNATURE, operation), method_get, 0),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_ARGS("t", flags), SD_BUS_NO_RESULT, method_cancel, 0),
        SD_BUS_PROPERTY("Id", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Class", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Description", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Project", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("CreatedAt", "t", property_created, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Resources", "a{sas}", property_resources, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Status", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("StatusCode", "u", property_status_code, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Error", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Metadata", "a{ss}", property_metadata, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

/* The families are registered with the Operations as context: the server's own userdata is the daemon's. */
static int operation_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                                 sd_bus_error *error) {
        Operations *o = userdata;
        const char *p = startswith(path, o->prefix);
        _cleanup_strv_free_ Strv labels = NULL;
        Operation *op;
        int r;

        if (!p || *p != '/')
                return 0;
        r = bus_path_decode(path, o->prefix, 1, &labels);
        if (r <= 0)
                return r;
        op = operations_find(o, labels[0]);
        if (!op)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Operation not found");
        *ret = op;
        return 1;
}

static int operation_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error) {
        Operations *o = userdata;
        _cleanup_strv_free_ Strv v = NULL;
        int r;

        for (Operation *op = o->list; op; op = op->next) {
                r = strv_extend(&v, op->path);
                if (r < 0)
                        return r;
        }
        *ret_nodes = TAKE_PTR(v);
        return 1;
}

int operations_new(sd_event *event, BusServer *server, const char *root, OperationOwner owner, Operations **ret) {
        Operations *o = calloc(1, sizeof(Operations));
        int r;

        if (!o)
                return -ENOMEM;
        *o = (Operations) { .event = sd_event_ref(event), .server = server, .owner = owner, .root = strdup(root) };
        r = o->root ? str_format(&o->prefix, "%s/operation", root) : -ENOMEM;
        if (r < 0) {
                operations_free(o);
                return r;
        }
        o->root_interface = (BusInterface) { "/", LXD_BUS_PREFIX ".Operations1", operations_vtable, NULL, o };
        o->manager_interface = (BusInterface) { o->root, LXD_BUS_PREFIX ".Operations1", operations_vtable, NULL, o };
        o->operation_interface = (BusInterface) { o->prefix, LXD_BUS_PREFIX ".Operation1", operation_vtable,
                                                  operation_object_find, o };
        r = bus_server_add_interface(server, &o->root_interface);
        if (r >= 0)
                r = bus_server_add_interface(server, &o->manager_interface);
        if (r >= 0)
                r = bus_server_add_interface(server, &o->operation_interface);
        if (r >= 0)
                r = bus_server_add_enumerator_for(server, o->prefix, operation_enumerate, o);
        if (r < 0) {
                operations_free(o);
                return r;
        }
        *ret = o;
        return 0;
}

Operations *operations_free(Operations *o) {
        if (!o)
                return NULL;
        while (o->list)
                operation_free(o->list);
        sd_event_unref(o->event);
        free(o->root);
        free(o->prefix);
        free(o);
        return NULL;
}

/* A random (version 4) uuid whose last digit names the owner. */
static int make_id(OperationOwner owner, char **ret) {
        unsigned char b[16];

        if (getrandom(b, sizeof(b), 0) != sizeof(b))
                return -EIO;
        b[6] = (b[6] & 0x0f) | 0x40;
        b[8] = (b[8] & 0x3f) | 0x80;
        b[15] = (unsigned char) ((b[15] & 0xf0) | owner);
        return str_format(ret, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
                          b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

int operation_new(Operations *o, const char *class, const char *description, const char *project,
                  const Requestor *who, Operation **ret, sd_bus_error *error) {
        Operation *op;
        int r;

        if (o->n_running >= OPERATIONS_MAX)
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE,
                                     "Too many operations are running (%d), try again later", OPERATIONS_MAX);
        op = calloc(1, sizeof(Operation));
        if (!op)
                return bus_error_ensure(error, -ENOMEM);
        *op = (Operation) {
                .manager = o,
                .status = OPERATION_RUNNING,
                .created = now_realtime(),
                .next = o->list,
        };
        op->updated = op->created;
        if (o->list)
                o->list->previous = op;
        o->list = op;
        o->n++;
        o->n_running++;
        r = make_id(o->owner, &op->id);
        if (r >= 0)
                r = bus_path_encode(&op->path, o->prefix, op->id, NULL);
        if (r >= 0)
                r = str_replace(&op->class, class);
        if (r >= 0)
                r = str_replace(&op->description, description);
        if (r >= 0)
                r = str_replace(&op->project, project);
        if (r >= 0)
                r = requestor_copy(who, &op->who);
        if (r < 0) {
                operation_free(op);
                return bus_error_ensure(error, r);
        }
        (void) bus_server_emit_object_added(o->server, op->path);
        *ret = op;
        return 0;
}

const char *operation_id(Operation *op) {
        return op ? op->id : NULL;
}

const char *operation_path(Operation *op) {
        return op->path;
}

const char *operation_project(Operation *op) {
        return op->project;
}

const Requestor *operation_requestor(Operation *op) {
        return &op->who;
}

OperationStatus operation_status(Operation *op) {
        return op->status;
}

int operation_add_resource(Operation *op, const char *kind, const char *url) {
        Resource *resource = NULL;

        for (size_t i = 0; i < op->n_resources; i++)
                if (streq(op->resources[i].kind, kind))
                        resource = &op->resources[i];
        if (!resource) {
                Resource *p = reallocarray(op->resources, op->n_resources + 1, sizeof(Resource));
                char *k = strdup(kind);

                if (p)
                        op->resources = p;
                if (!p || !k) {
                        free(k);
                        return -ENOMEM;
                }
                resource = &p[op->n_resources++];
                *resource = (Resource) { .kind = k };
        }
        return url ? strv_extend(&resource->urls, url) : 0;
}

int operation_set_metadata(Operation *op, const char *key, const char *value) {
        int r;

        r = config_set(&op->metadata, key, value);
        if (r < 0)
                return r;
        operation_changed(op);
        return 0;
}

static int format_speed(uint64_t speed, char **ret) {
        static const char *const units[] = { "B", "kB", "MB", "GB" };
        double v = (double) speed;
        size_t u = 0;

        while (v >= 1000 && u + 1 < ELEMENTSOF(units)) {
                v /= 1000;
                u++;
        }
        return str_format(ret, "%.2f%s/s", v, units[u]);
}

int operation_progress(Operation *op, const char *key, unsigned percent, uint64_t speed) {
        _cleanup_free_ char *text_key = NULL, *text = NULL, *rate = NULL;
        uint64_t now = now_monotonic();
        int r;

        if (now - op->last_progress < PROGRESS_USEC && percent < 100)
                return 0;
        op->last_progress = now;
        r = format_speed(speed, &rate);
        if (r >= 0)
                r = str_format(&text_key, "%s_progress", key);
        if (r >= 0)
                r = speed > 0 ? str_format(&text, "%u%% (%s)", percent, rate) : str_format(&text, "%u%%", percent);
        if (r >= 0)
                r = config_set(&op->metadata, text_key, text);
        if (r >= 0)
                r = config_set(&op->metadata, "progress.stage", key);
        if (r >= 0)
                r = config_setf(&op->metadata, "progress.percent", "%u", percent);
        if (r >= 0)
                r = config_setf(&op->metadata, "progress.speed", "%" PRIu64, speed);
        if (r >= 0)
                operation_changed(op);
        return r;
}

void operation_set_cancel(Operation *op, void (*callback)(Operation *op, void *userdata), void *userdata) {
        op->cancel = callback;
        op->cancel_userdata = userdata;
}

static int on_linger(sd_event_source *s, uint64_t usec, void *userdata) {
        Operation *op = userdata;

        (void) bus_server_emit_object_removed(op->manager->server, op->path);
        operation_free(op);
        return 0;
}

/* The instance that it is about, for the journal: "c1" of "/1.0/instances/c1?project=p"; NULL when there is none. */
static char *operation_instance(const Operation *op) {
        for (size_t i = 0; i < op->n_resources; i++) {
                const char *name = op->resources[i].urls ? startswith(op->resources[i].urls[0], "/1.0/instances/") : NULL;

                if (name)
                        return strndup(name, strcspn(name, "/?"));
        }
        return NULL;
}

void operation_finish(Operation *op, int r, const sd_bus_error *e) {
        const char *text = e && e->message ? e->message : r < 0 ? strerror(-r) : NULL;
        static const char *const changed[] = { "Status", "StatusCode", "Error", "Metadata", NULL };

        if (op->status >= OPERATION_SUCCESS)
                return;
        op->manager->n_running--;
        op->cancel = NULL;
        op->status = r >= 0 ? OPERATION_SUCCESS : r == -ECANCELED ? OPERATION_CANCELLED : OPERATION_FAILURE;
        if (r < 0)
                (void) str_replace(&op->error, r == -ECANCELED && !(e && e->message) ? "Operation cancelled" : text);
        if (op->status == OPERATION_FAILURE) {
                _cleanup_free_ char *instance = operation_instance(op);

                (void) str_replace(&op->error_name, e && e->name ? e->name : bus_error_from_errno(r));
                log_at(LOG_WARNING, 0,
                       (&(LogFields) { .project = op->project,
                                       .instance = instance,
                                       .operation = op->id,
                                       .requestor = op->who.user,
                                       .message_id = LXD_MSG_OPERATION_FAILED }),
                       "Operation \"%s\" failed: %s", op->description, op->error ?: "unknown error");
        }
        operation_changed(op);
        (void) bus_server_emit_properties_changed(op->manager->server, op->path, LXD_BUS_PREFIX ".Operation1",
                                                  (char **) changed);
        crash_point("operation-finished");
        r = sd_event_add_time_relative(op->manager->event, &op->linger, CLOCK_MONOTONIC, LINGER_USEC,
                                       USEC_PER_SEC / 4, on_linger, op);
        if (r < 0)
                log_warning_errno(r, "Failed to arm the end of operation %s: %m", op->id);
}

void operation_begun(Operation *op) {
        if (op->status == OPERATION_RUNNING && !streq(op->class, "token")) /* whose metadata is a secret */
                tell_state(op);
}

int operation_reply(Operation *op, sd_bus_message *m) {
        operation_begun(op);
        return sd_bus_reply_method_return(m, "o", op->path);
}

static int read_resources(sd_bus_message *m, OperationRecord *ret) {
        const char *kind;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sas}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sas")) > 0) {
                void *p = reallocarray(ret->resources, ret->n_resources + 1, sizeof(ret->resources[0]));

                if (!p)
                        return -ENOMEM;
                ret->resources = p;
                memset(&ret->resources[ret->n_resources], 0, sizeof(ret->resources[0]));
                ret->n_resources++;
                r = sd_bus_message_read(m, "s", &kind);
                if (r >= 0)
                        r = str_replace(&ret->resources[ret->n_resources - 1].kind, kind);
                if (r >= 0)
                        r = bus_read_strv(m, &ret->resources[ret->n_resources - 1].urls);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int operation_record_read(sd_bus_message *m, OperationRecord *ret) {
        _cleanup_(operation_record_done) OperationRecord o = {};
        const char *id, *class, *description, *project, *error, *error_name;
        int may_cancel, r;

        r = sd_bus_message_enter_container(m, 'r', "sssuttsa{sas}a{ss}bss");
        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "sssutts", &id, &class, &description, &o.status, &o.created, &o.updated, &project);
        if (r >= 0)
                r = read_resources(m, &o);
        if (r >= 0)
                r = bus_read_config(m, &o.metadata);
        if (r >= 0)
                r = sd_bus_message_read(m, "bss", &may_cancel, &error, &error_name);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        o.may_cancel = may_cancel;
        if (str_replace(&o.id, id) < 0 || str_replace(&o.class, class) < 0 ||
            str_replace(&o.description, description) < 0 || str_replace(&o.project, project) < 0 ||
            str_replace(&o.error, error) < 0 || str_replace(&o.error_name, error_name) < 0)
                return -ENOMEM;
        *ret = o;
        o = (OperationRecord) {};
        return 0;
}

void operation_record_done(OperationRecord *r) {
        for (size_t i = 0; i < r->n_resources; i++) {
                free(r->resources[i].kind);
                strv_free(r->resources[i].urls);
        }
        free(r->resources);
        config_done(&r->metadata);
        free(r->id);
        free(r->class);
        free(r->description);
        free(r->project);
        free(r->error);
        free(r->error_name);
        *r = (OperationRecord) {};
}

const char *operation_status_text(uint32_t status) {
        switch (status) {
        case OPERATION_RUNNING:
                return "Running";
        case OPERATION_CANCELLING:
                return "Cancelling";
        case OPERATION_PENDING:
                return "Pending";
        case OPERATION_SUCCESS:
                return "Success";
        case OPERATION_FAILURE:
                return "Failure";
        case OPERATION_CANCELLED:
                return "Cancelled";
        default:
                return "Unknown";
        }
}

int operation_owner(const char *id) {
        static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
        char c;

        if (!id || strlen(id) != UUID_LENGTH)
                return -EINVAL;
        for (size_t i = 0; i < UUID_LENGTH; i++)
                if (pattern[i] == '-' ? id[i] != '-' : !strchr("0123456789abcdef", id[i]))
                        return -EINVAL;
        c = id[UUID_LENGTH - 1];
        if (c < '0' + OPERATION_OWNER_APID || c > '0' + OPERATION_OWNER_DEVLXD)
                return -EINVAL;
        return c - '0';
}

int operations_emit(Operations *o, const char *signal, int (*append)(sd_bus_message *m, void *userdata), void *userdata) {
        return bus_server_emit(o->server, o->root, LXD_BUS_PREFIX ".Operations1", signal, append, userdata);
}
