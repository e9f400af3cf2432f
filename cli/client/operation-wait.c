/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for an operation: one /wait request, and for work that takes a while on a terminal its events beside it. */

#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "fail.h"
#include "json-value.h"
#include "operation-wait.h"
#include "progress.h"
#include "websocket.h"

#define EVENTS_AFTER_MSEC 200           /* shorter work needs no progress line */
#define RECONNECT_TRIES 50              /* a tenth of a second apart: a restart of the server takes less */

typedef struct OperationWatch Waiter;

struct OperationWatch {
        Client *client;
        char *path;                     /* of the operation; NULL: there is none to wait for */
        const char *id;
        Progress progress;
        WebSocket *events;
        Buffer message;                 /* one event, as its pieces arrive */
        HttpConnection *connection;     /* with the /wait request on it, or NULL */
        unsigned interrupts;            /* Ctrl-C dealt with so far */
};

static volatile sig_atomic_t n_interrupts = 0;

static void on_sigint(int sig) {
        n_interrupts++;
}

static void waiter_done(Waiter *w) {
        progress_done(&w->progress);
        websocket_free(w->events);
        http_free(w->connection);
        buffer_done(&w->message);
        free(w->path);
        *w = (Waiter) {};
}

/* Asks the server to cancel, and says what became of that. */
static int waiter_cancel(Waiter *w) {
        _cleanup_(reply_done) Reply reply = {};
        Client side = { .socket_path = w->client->socket_path };
        int r;

        r = client_call(&side, "DELETE", w->path, NULL, NULL, &reply);
        client_disconnect(&side);
        progress_done(&w->progress);
        if (r >= 0) {
                fprintf(stderr, "Cancelling the operation ...\n");
                return 0;
        }
        fail_clear();
        fprintf(stderr, "This operation can't be canceled (interrupt two more times to force)\n");
        return 0;
}

static int waiter_interrupted(void *userdata) {
        Waiter *w = userdata;

        if ((unsigned) n_interrupts <= w->interrupts)
                return 0;
        w->interrupts = (unsigned) n_interrupts;
        if (w->interrupts == 1)
                return waiter_cancel(w);
        if (w->interrupts >= 3)
                return fail(-ECANCELED, "Interrupted three times, not waiting any more. "
                            "The remote operation will keep running");
        return 0;
}

/* Any member of the operation's metadata that ends in "_progress" is text for people. */
static void show_progress(Waiter *w, struct json_object *operation) {
        struct json_object *metadata = jget(operation, "metadata");

        if (!json_object_is_type(metadata, json_type_object))
                return;
        JFOREACH(m, metadata)
                if (endswith(m.key, "_progress")) {
                        progress_update(&w->progress, strempty(json_object_get_string(m.value)));
                        return;
                }
}

static int on_event_data(WebSocket *ws, WebSocketType type, const void *data, size_t n, void *userdata) {
        Waiter *w = userdata;

        buffer_append(&w->message, data, n);
        return 0;
}

static int on_event_end(WebSocket *ws, WebSocketType type, void *userdata) {
        Waiter *w = userdata;
        _cleanup_json_ struct json_object *event = w->message.data ? json_tokener_parse(w->message.data) : NULL;

        buffer_consume(&w->message, w->message.size);
        if (streq(jstr(event, "metadata.id"), w->id))
                show_progress(w, jget(event, "metadata"));
        return 0;
}

/* Progress is a nicety: without events there is just no line. */
static void open_events(Waiter *w) {
        WebSocketHandler handler = { .on_data = on_event_data, .on_end = on_event_end, .userdata = w };
        _cleanup_free_ char *path = xstrdup("/1.0/events?type=operation");

        client_add_project(w->client, &path);
        if (websocket_start(w->client->socket_path, path, &handler, &w->events) < 0 ||
            websocket_finish(w->events) < 0) {
                w->events = websocket_free(w->events);
                fail_clear();
        }
}

/* Waits until the answer to /wait begins to arrive, showing events meanwhile. */
static int waiter_poll(Waiter *w) {
        bool tried = !w->progress.enabled;

        for (;;) {
                struct pollfd p[2] = {
                        { .fd = http_fd(w->connection), .events = POLLIN },
                        { .fd = w->events ? websocket_fd(w->events) : -1, .events = POLLIN },
                };
                int n, r;

                if (w->events && websocket_has_input(w->events))
                        n = 1, p[1].revents = POLLIN;
                else
                        n = poll(p, ELEMENTSOF(p), tried ? -1 : EVENTS_AFTER_MSEC);
                if (n < 0 && errno != EINTR)
                        return -errno;

                r = waiter_interrupted(w);
                if (r < 0)
                        return r;
                if (n <= 0) {
                        if (n == 0)
                                open_events(w);
                        tried = tried || n == 0;
                        continue;
                }

                if (w->events && p[1].revents && websocket_read(w->events) <= 0)
                        w->events = websocket_free(w->events);
                if (p[0].revents)
                        return 0;
        }
}

/* A connection of its own, so that nothing else on the server can be in the way. */
static int waiter_send(Waiter *w) {
        _cleanup_free_ char *path = xformat("%s/wait", w->path);
        int r;

        r = http_connect(w->client->socket_path, &w->connection);
        if (r < 0)
                return r;
        http_set_interrupt(w->connection, waiter_interrupted, w);
        return http_send(w->connection, &(HttpRequest) { .method = "GET", .path = path });
}

static int waiter_try(Waiter *w, Reply *ret) {
        int r = 0;

        if (!w->connection)
                r = waiter_send(w);
        if (r >= 0)
                r = waiter_poll(w);
        if (r >= 0)
                r = client_read_reply(w->client, w->connection, ret);
        w->connection = http_free(w->connection);
        return r;
}

static bool is_connection_error(int r) {
        return !fail_text() &&
                (r == -ENODATA || r == -ECONNRESET || r == -ECONNREFUSED || r == -ENOENT || r == -EPIPE);
}

/* The server may restart meanwhile; the operation's end is then asked for again. */
static int waiter_run(Waiter *w, Reply *ret) {
        for (unsigned i = 0;; i++) {
                int r = waiter_try(w, ret);

                if (r >= 0 || fail_text())
                        return r == -ENOENT && i > 0 ?
                                fail(-EREMOTEIO, "LXD was restarted and does not know how the operation ended") : r;
                if (!is_connection_error(r) || i >= RECONNECT_TRIES)
                        return client_connection_failed(w->client, r);
                (void) poll(NULL, 0, 100);
        }
}

static int operation_result(struct json_object *operation) {
        int64_t code = jint(operation, "status_code");

        switch (code) {
        case 200:
                return 0;
        case 401:
                return fail(-ECANCELED, "%s", isempty(jstr(operation, "err")) ? "The operation was cancelled"
                                                                              : jstr(operation, "err"));
        default:
                return fail(-EREMOTEIO, "%s", isempty(jstr(operation, "err")) ? "The operation failed without a reason"
                                                                              : jstr(operation, "err"));
        }
}

static void waiter_init(Waiter *w, Client *c, const Reply *started) {
        const char *slash;

        *w = (Waiter) { .client = c };
        if (!started->operation)
                return;
        w->path = xstrndup(started->operation, strcspn(started->operation, "?"));
        slash = strrchr(w->path, '/');
        w->id = slash ? slash + 1 : w->path;
        progress_init(&w->progress, c->quiet, NULL);
}

static int waiter_finish(Waiter *w, Reply *ret) {
        struct sigaction action = { .sa_handler = on_sigint }, old;
        _cleanup_reply_ Reply ended = {};
        int r;

        if (!w->path)
                return 0;

        fail_clear();
        n_interrupts = 0;
        (void) sigaction(SIGINT, &action, &old);
        r = waiter_run(w, &ended);
        (void) sigaction(SIGINT, &old, NULL);
        if (r < 0)
                return r;

        r = operation_result(ended.metadata);
        if (ret) {
                *ret = ended;
                ended = (Reply) {};
        }
        return r;
}

int operation_wait(Client *c, const Reply *started, Reply *ret) {
        _cleanup_(waiter_done) Waiter w = {};

        waiter_init(&w, c, started);
        return waiter_finish(&w, ret);
}

OperationWatch *operation_wait_begin(Client *c, const Reply *started) {
        OperationWatch *w = xcalloc(1, sizeof(*w));

        waiter_init(w, c, started);
        if (w->path && waiter_send(w) < 0)
                w->connection = http_free(w->connection);       /* tried again when it is waited for */
        return w;
}

int operation_wait_end(OperationWatch *w, Reply *ret) {
        int r;

        r = waiter_finish(w, ret);
        waiter_done(w);
        free(w);
        return r;
}

int operation_run(Client *c, const char *method, const char *path, struct json_object *body, const char *etag) {
        _cleanup_reply_ Reply reply = {};
        int r;

        r = client_call(c, method, path, body, etag, &reply);
        if (r < 0)
                return r;
        return operation_wait(c, &reply, NULL);
}
