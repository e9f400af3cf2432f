/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the listeners of the event stream; each event is written once, whatever their number. */

#include "base/clock.h"
#include "events.h"
#include "journal.h"
#include "json-write.h"
#include "log.h"
#include "operation-json.h"
#include "owners.h"

typedef struct EventListener {
        Events *events;
        struct EventListener *next, **link;
        WebSocket *ws;
        unsigned types;
        char *project; /* NULL: all */
} EventListener;

struct Events {
        Manager *manager;
        EventListener *first;
        unsigned n;
        Journal *journal; /* while somebody wants logging */
        unsigned n_logging;
};

static const struct {
        const char *name;
        int bit;
} types[] = { { "logging", EVENT_LOGGING }, { "operation", EVENT_OPERATION }, { "lifecycle", EVENT_LIFECYCLE } };

int event_type_from_name(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(types[i].name, name))
                        return types[i].bit;
        return -EINVAL;
}

int events_new(Manager *m, Events **ret) {
        Events *e = calloc(1, sizeof(*e));

        if (!e)
                return -ENOMEM;
        e->manager = m;
        *ret = e;
        return 0;
}

static void listener_free(EventListener *l) {
        Events *e = l->events;

        *l->link = l->next;
        if (l->next)
                l->next->link = l->link;
        free(l->project);
        if (l->types & EVENT_LOGGING && --e->n_logging == 0)
                e->journal = journal_free(e->journal);
        if (--e->n == 0)
                for (int i = 1; i < OWNER_MAX; i++)
                        owner_release(e->manager, i);
        free(l);
}

Events *events_free(Events *e) {
        if (!e)
                return NULL;
        while (e->first) {
                WebSocket *ws = e->first->ws;

                listener_free(e->first);
                websocket_free(ws);
        }
        free(e);
        return NULL;
}

unsigned events_count(Events *e) {
        return e->n;
}

static void on_closed(WebSocket *ws, bool clean, void *userdata) {
        listener_free(userdata);
}

int events_listen(Events *e, WebSocket *ws, unsigned wanted, const char *project) {
        static const WebSocketCallbacks callbacks = { .closed = on_closed };
        _cleanup_free_ EventListener *l = calloc(1, sizeof(*l));
        int r;

        if (!l || (project && !(l->project = strdup(project)))) {
                websocket_close(ws);
                return -ENOMEM;
        }
        if (wanted & EVENT_LOGGING && e->n_logging++ == 0) {
                r = journal_new(e->manager->event, e, &e->journal);
                if (r < 0)
                        log_warning_errno(r, "Failed to follow the journal: %m");
        }
        if (e->n++ == 0)
                for (int i = 1; i < OWNER_MAX; i++)
                        owner_want(e->manager, i);

        l->events = e;
        l->ws = ws;
        l->types = wanted;
        l->next = e->first;
        l->link = &e->first;
        if (e->first)
                e->first->link = &l->next;
        e->first = l;
        websocket_set_callbacks(ws, &callbacks, TAKE_PTR(l));
        return 0;
}

static bool anybody(Events *e, unsigned type, const char *project) {
        for (EventListener *l = e->first; l; l = l->next)
                if (l->types & type && (!l->project || !project || streq(l->project, project)))
                        return true;
        return false;
}

static void broadcast(Events *e, unsigned type, const char *project, const char *text, size_t n) {
        for (EventListener *l = e->first, *next; l; l = next) {
                next = l->next;
                if (!(l->types & type) || (l->project && project && !streq(l->project, project)))
                        continue;
                if (websocket_queued(l->ws) + n > EVENT_QUEUE_MAX) {
                        WebSocket *ws = l->ws;

                        log_info("Dropping an event listener that does not read.");
                        listener_free(l);
                        websocket_free(ws);
                } else
                        (void) websocket_send(l->ws, WEBSOCKET_TEXT, text, n);
        }
}

static void begin(JsonWriter *w, const char *type, uint64_t usec) {
        json_object_begin(w, NULL);
        json_string(w, "type", type);
        json_time(w, "timestamp", usec);
}

static void finish(Events *e, JsonWriter *w, unsigned type, const char *project) {
        _cleanup_free_ char *text = NULL;

        json_string(w, "location", "none");
        if (project)
                json_string(w, "project", project);
        json_object_end(w);
        if (json_finish_text(w, &text) >= 0)
                broadcast(e, type, project, text, strlen(text));
}

void events_operation(Events *e, const OperationRecord *record, const char *metadata) {
        _cleanup_(json_done) JsonWriter w = {};

        if (!anybody(e, EVENT_OPERATION, record->project))
                return;
        begin(&w, "operation", now_realtime());
        json_operation(&w, "metadata", record, metadata);
        finish(e, &w, EVENT_OPERATION, record->project);
}

static void json_requestor(JsonWriter *w, const Requestor *who) {
        if (isempty(who->user) && isempty(who->protocol))
                return;
        json_object_begin(w, "requestor");
        json_string(w, "username", strempty(who->user));
        json_string(w, "protocol", strempty(who->protocol));
        json_string(w, "address", strempty(who->address));
        json_object_end(w);
}

/* name.0, name.1, ... are a list; what else there is, are strings. The keys are sorted, so that name.0 comes first, but not all in order. */
static void json_context(JsonWriter *w, const Config *context) {
        json_object_begin(w, "context");
        CONFIG_FOREACH(i, context) {
                const char *dot = strrchr(i->key, '.'), *value;
                char key[64];

                if (!dot || dot[1] == '\0' || dot[1 + strspn(dot + 1, "0123456789")] != '\0') {
                        json_string(w, i->key, i->value);
                        continue;
                }
                if (!streq(dot, ".0") || dot - i->key > (ptrdiff_t) sizeof(key) - 24)
                        continue;
                (void) snprintf(key, sizeof(key), "%.*s", (int) (dot - i->key), i->key);
                json_array_begin(w, key);
                for (size_t k = 0;; k++) {
                        (void) snprintf(key, sizeof(key), "%.*s.%zu", (int) (dot - i->key), i->key, k);
                        value = config_get(context, key);
                        if (!value)
                                break;
                        json_string(w, NULL, value);
                }
                json_array_end(w);
        }
        json_object_end(w);
}

void events_lifecycle(Events *e, const char *project, const char *action, const char *source, const Config *context,
                      const Requestor *who) {
        _cleanup_(json_done) JsonWriter w = {};

        if (!anybody(e, EVENT_LIFECYCLE, project))
                return;
        begin(&w, "lifecycle", now_realtime());
        json_object_begin(&w, "metadata");
        json_string(&w, "action", action);
        json_string(&w, "source", source);
        if (context && context->n > 0)
                json_context(&w, context);
        if (who)
                json_requestor(&w, who);
        json_object_end(&w);
        finish(e, &w, EVENT_LIFECYCLE, project);
}

void events_logging(Events *e, uint64_t usec, const char *level, const char *message, const Config *context) {
        _cleanup_(json_done) JsonWriter w = {};

        begin(&w, "logging", usec);
        json_object_begin(&w, "metadata");
        json_string(&w, "message", message);
        json_string(&w, "level", level);
        json_config(&w, "context", context);
        json_object_end(&w);
        finish(e, &w, EVENT_LOGGING, NULL);
}
