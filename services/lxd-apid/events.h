/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream of GET /1.0/events: who listens to what, and the messages. */
#pragma once

#include "manager.h"
#include "websocket.h"

enum {
        EVENT_LOGGING = 1 << 0,
        EVENT_OPERATION = 1 << 1,
        EVENT_LIFECYCLE = 1 << 2,
};

/* A listener that leaves more than this unread is dropped: nobody else may wait for it. */
#define EVENT_QUEUE_MAX ((size_t) 4 << 20)

int events_new(Manager *m, Events **ret);
Events *events_free(Events *e); /* drops all listeners */
unsigned events_count(Events *e);

/* The bit of an event type's name; -EINVAL. */
int event_type_from_name(const char *name);

/* A new listener; project NULL = all. Takes the websocket. 0, -ENOMEM (then it is closed). */
int events_listen(Events *e, WebSocket *ws, unsigned types, const char *project);

/* Sends one event to those who want it. metadata: the operation's, as JSON, or NULL to take the record's. */
void events_operation(Events *e, const OperationRecord *record, const char *metadata);
void events_lifecycle(Events *e, const char *project, const char *action, const char *source, const Config *context,
                      const Requestor *who);
/* level: "info" etc. usec: when it was logged. */
void events_logging(Events *e, uint64_t usec, const char *level, const char *message, const Config *context);
