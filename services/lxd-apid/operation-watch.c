/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the watches: a signal of the owner ends them, and one question at their beginning catches what ended before. */

#include "bus-error.h"
#include "operation-watch.h"
#include "owners.h"
#include "session.h"

struct Watches {
        Manager *manager;
        Watch *first;
};

struct Watch {
        Watches *watches;
        Watch *next, **link;
        char id[37];
        int owner;
        bool expired; /* any state will do now */
        sd_event_source *timer;
        watch_done_t callback;
        void *userdata;
};

/* A question on its way; by id, because the watch may be cancelled meanwhile. */
typedef struct Question {
        Watches *watches;
        char id[37];
} Question;

int watches_new(Manager *m, Watches **ret) {
        Watches *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->manager = m;
        *ret = w;
        return 0;
}

static Watch *watch_free(Watch *watch) {
        *watch->link = watch->next;
        if (watch->next)
                watch->next->link = watch->link;
        sd_event_source_disable_unref(watch->timer);
        owner_release(watch->watches->manager, watch->owner);
        free(watch);
        return NULL;
}

Watches *watches_free(Watches *w) {
        if (!w)
                return NULL;
        while (w->first)
                watch_free(w->first);
        free(w);
        return NULL;
}

bool watches_is_empty(Watches *w) {
        return !w->first;
}

void watch_cancel(Watch *watch) {
        if (watch)
                watch_free(watch);
}

static bool is_final(uint32_t status) {
        return status >= OPERATION_SUCCESS;
}

/* Finishes every watch of this id that is content with the record (NULL: all of them get the error). A callback may cancel
 * others, so the search starts again after each. */
static void finish(Watches *w, const char *id, const OperationRecord *record, const sd_bus_error *error) {
        for (Watch *watch = w->first; watch;) {
                watch_done_t callback = watch->callback;
                void *userdata = watch->userdata;

                if (!streq(watch->id, id) || (record && !is_final(record->status) && !watch->expired)) {
                        watch = watch->next;
                        continue;
                }
                watch_free(watch);
                callback(record, error, userdata);
                watch = w->first;
        }
}

static void on_answer(sd_bus_message *m, const sd_bus_error *e, void *userdata) {
        _cleanup_free_ Question *q = userdata;
        _cleanup_(operation_record_done) OperationRecord record = {};
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (!e && operation_record_read(m, &record) >= 0) {
                finish(q->watches, q->id, &record, NULL);
                return;
        }
        if (sd_bus_error_has_names(e, SD_BUS_ERROR_UNKNOWN_OBJECT, LXD_ERROR_NOT_FOUND))
                (void) bus_error_set(&error, LXD_ERROR_NOT_FOUND, "Operation not found");
        else
                (void) bus_error_set(&error, LXD_ERROR_UNAVAILABLE, "The daemon of this operation ended before it was done");
        finish(q->watches, q->id, NULL, &error);
}

/* Asks the owner for the present state. */
static int ask(Watches *w, const char *id, int owner) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_free_ Question *q = NULL;
        int r;

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->watches = w;
        strcpy(q->id, id);

        r = bus_path_encode(&path, owner_info(owner)->root, "operation", id, NULL);
        if (r >= 0)
                r = bus_peer_message(w->manager->peers[owner], &m, path, LXD_BUS_PREFIX ".Operation1", "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        if (r >= 0)
                r = bus_peer_call(w->manager->peers[owner], m, on_answer, q);
        if (r >= 0)
                TAKE_PTR(q);
        return r;
}

/* For our own operations there is nobody to ask. The answer must not come from inside of watch_operation(): a timer of zero asks. */
static void answer_own(Watches *w, const char *id) {
        _cleanup_(operation_record_done) OperationRecord record = {};
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (sessions_record(w->manager->sessions, id, &record) >= 0)
                finish(w, id, &record, NULL);
        else {
                (void) bus_error_set(&error, LXD_ERROR_NOT_FOUND, "Operation not found");
                finish(w, id, NULL, &error);
        }
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        Watch *watch = userdata;
        Watches *w = watch->watches;
        char id[37];

        strcpy(id, watch->id);
        watch->expired = true;
        if (watch->owner == OPERATION_OWNER_APID || ask(w, id, watch->owner) < 0)
                answer_own(w, id);
        return 0;
}

int watch_operation(Watches *w, const char *id, uint64_t timeout, watch_done_t callback, void *userdata, Watch **ret,
                    sd_bus_error *error) {
        int owner = operation_owner(id), r;
        Watch *watch;

        if (owner < 0 || owner >= OWNER_MAX || strlen(id) != 36 ||
            (owner == OPERATION_OWNER_APID ? sessions_record(w->manager->sessions, id, NULL) < 0 : !w->manager->peers[owner]))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Operation not found");

        watch = calloc(1, sizeof(*watch));
        if (!watch)
                return -ENOMEM;
        *watch = (Watch) { .watches = w, .owner = owner, .callback = callback, .userdata = userdata, .next = w->first,
                           .link = &w->first };
        strcpy(watch->id, id);
        if (w->first)
                w->first->link = &watch->next;
        w->first = watch;
        owner_want(w->manager, owner);

        if (owner == OPERATION_OWNER_APID && sessions_is_finished(w->manager->sessions, id))
                timeout = 0;
        r = owner == OPERATION_OWNER_APID ? 0 : ask(w, id, owner);
        if (r >= 0 && timeout != UINT64_MAX)
                r = sd_event_add_time_relative(w->manager->event, &watch->timer, CLOCK_MONOTONIC, timeout, 1, on_timer, watch);
        if (r < 0) {
                watch_free(watch);
                return r == -ENOMEM ? r : bus_error_set(error, LXD_ERROR_UNAVAILABLE, "The daemon of this operation cannot be reached");
        }
        if (ret)
                *ret = watch;
        return 0;
}

void watches_changed(Watches *w, const OperationRecord *record) {
        if (is_final(record->status))
                finish(w, record->id, record, NULL);
}

void watches_owner_lost(Watches *w, int owner) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        /* It is asked again once it is back. What it does not know then has ended with it. */
        for (Watch *watch = w->first; watch;) {
                char id[37];

                if (watch->owner != owner) {
                        watch = watch->next;
                        continue;
                }
                strcpy(id, watch->id);
                if (ask(w, id, owner) >= 0) {
                        watch = watch->next;
                        continue;
                }
                (void) bus_error_set(&error, LXD_ERROR_UNAVAILABLE, "The daemon of this operation ended before it was done");
                finish(w, id, NULL, &error);
                watch = w->first;
        }
}

int operation_id_from_path(const char *path, char **ret) {
        const char *last = strrchr(path, '/');
        _cleanup_free_ char *prefix = NULL, *id = NULL;
        int r;

        if (!last || last == path)
                return -EBADMSG;
        prefix = strndup(path, last - path);
        if (!prefix)
                return -ENOMEM;
        r = sd_bus_path_decode(path, prefix, &id);
        if (r < 0)
                return r;
        if (r == 0 || operation_owner(id) < 0 || operation_owner(id) >= OWNER_MAX || !owner_info(operation_owner(id)))
                return -EBADMSG;
        *ret = TAKE_PTR(id);
        return 0;
}
