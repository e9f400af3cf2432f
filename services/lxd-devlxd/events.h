/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream of a guest: a websocket that tells it about changes of its own configuration. */
#pragma once

#include <microhttpd.h>

#include "manager.h"

int events_new(Manager *m, Events **ret);
Events *events_free(Events *e);
/* Guests that listen. */
unsigned events_listeners(Events *e);
/* Answers the request with the change to a websocket (or 400 when it does not ask for one). */
enum MHD_Result events_accept(Events *e, struct MHD_Connection *connection, uint64_t guest);
/* The value of Sec-WebSocket-Accept for a key. 0, -ENOMEM, -EIO. */
int events_accept_key(const char *key, char **ret);
/* One message for each visible key that differs: {"timestamp", "type": "config", "metadata": {...}}. ret: NULL-terminated vector. */
int events_config_messages(const Config *before, const Config *after, Strv *ret);
