/* SPDX-License-Identifier: Apache-2.0 */
/* Binds wslay's framing to a non-blocking socket. */

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

#include "fail.h"
#include "server-error.h"
#include "websocket.h"

struct WebSocket {
        HttpConnection *connection;
        wslay_event_context_ptr context;
        WebSocketHandler handler;
        WebSocketType type;             /* of the message that is being received */
        bool control;                   /* the frame being received is a control frame: wslay answers it */
        bool fin;
        bool ended;                     /* no byte will come any more */
        bool broken;                    /* none can be sent */
        int error;                      /* of the handler */
};

static ssize_t on_recv(wslay_event_context_ptr context, uint8_t *buf, size_t n, int flags, void *userdata) {
        WebSocket *w = userdata;
        Buffer *leftover = http_leftover(w->connection);
        ssize_t k;

        if (leftover->size > 0) {
                n = MIN(n, leftover->size);
                memcpy(buf, leftover->data, n);
                buffer_consume(leftover, n);
                return (ssize_t) n;
        }

        do
                k = recv(http_fd(w->connection), buf, n, 0);
        while (k < 0 && errno == EINTR);

        if (k > 0)
                return k;
        if (k < 0 && errno == EAGAIN)
                wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        else {
                w->ended = true;
                wslay_event_set_error(context, WSLAY_ERR_CALLBACK_FAILURE);
        }
        return -1;
}

static ssize_t on_send(wslay_event_context_ptr context, const uint8_t *data, size_t n, int flags, void *userdata) {
        WebSocket *w = userdata;
        ssize_t k;

        do
                k = send(http_fd(w->connection), data, n, MSG_NOSIGNAL | ((flags & WSLAY_MSG_MORE) ? MSG_MORE : 0));
        while (k < 0 && errno == EINTR);

        if (k >= 0)
                return k;
        if (errno == EAGAIN)
                wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        else {
                w->broken = true;
                wslay_event_set_error(context, WSLAY_ERR_CALLBACK_FAILURE);
        }
        return -1;
}

/* The mask keeps web proxies from mistaking data for requests. On a unix socket there are none, but the
 * protocol demands one. */
static int on_mask(wslay_event_context_ptr context, uint8_t *buf, size_t n, void *userdata) {
        return getrandom(buf, n, GRND_INSECURE) == (ssize_t) n ? 0 : -1;
}

static void on_frame_start(wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_start_arg *arg,
                           void *userdata) {
        WebSocket *w = userdata;

        w->control = wslay_is_ctrl_frame(arg->opcode);
        w->fin = arg->fin;
        if (arg->opcode == WSLAY_TEXT_FRAME || arg->opcode == WSLAY_BINARY_FRAME)
                w->type = (WebSocketType) arg->opcode;
}

static void on_frame_chunk(wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_chunk_arg *arg,
                           void *userdata) {
        WebSocket *w = userdata;
        int r;

        if (w->control || w->error < 0 || !w->handler.on_data)
                return;
        r = w->handler.on_data(w, w->type, arg->data, arg->data_length, w->handler.userdata);
        if (r < 0)
                w->error = r;
}

static void on_frame_end(wslay_event_context_ptr context, void *userdata) {
        WebSocket *w = userdata;
        int r;

        if (w->control || !w->fin || w->error < 0 || !w->handler.on_end)
                return;
        r = w->handler.on_end(w, w->type, w->handler.userdata);
        if (r < 0)
                w->error = r;
}

static int context_new(WebSocket *w) {
        static const struct wslay_event_callbacks callbacks = {
                .recv_callback = on_recv,
                .send_callback = on_send,
                .genmask_callback = on_mask,
                .on_frame_recv_start_callback = on_frame_start,
                .on_frame_recv_chunk_callback = on_frame_chunk,
                .on_frame_recv_end_callback = on_frame_end,
        };

        if (wslay_event_context_client_init(&w->context, &callbacks, w) != 0)
                return -ENOMEM;
        wslay_event_config_set_no_buffering(w->context, 1);
        return 0;
}

int websocket_start(const char *socket_path, const char *path, const WebSocketHandler *handler, WebSocket **ret) {
        /* The key only lets the server prove that it speaks websockets; any 16 bytes do. */
        static char *const headers[] = {
                (char*) "Connection: Upgrade",
                (char*) "Upgrade: websocket",
                (char*) "Sec-WebSocket-Version: 13",
                (char*) "Sec-WebSocket-Key: bHhkIGNsaWVudCBrZXkuLg==",
                NULL,
        };
        _cleanup_(websocket_freep) WebSocket *w = NULL;
        int r;

        w = xcalloc(1, sizeof(*w));
        w->handler = *handler;

        r = http_connect(socket_path, &w->connection);
        if (r < 0)
                return r;
        r = http_send(w->connection, &(HttpRequest) { .method = "GET", .path = path, .headers = headers });
        if (r < 0)
                return r;
        r = context_new(w);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

int websocket_finish(WebSocket *w) {
        _cleanup_(http_head_done) HttpHead head = {};
        _cleanup_buffer_ Buffer body = {};
        int r;

        r = http_read_head(w->connection, &head);
        if (r < 0)
                return r;
        if (head.status == 101)
                return 0;

        r = http_read_body(w->connection, http_sink_buffer, &body);
        if (r < 0)
                return r;
        return server_error(head.status, &body);
}

WebSocket *websocket_free(WebSocket *w) {
        if (!w)
                return NULL;
        if (w->context)
                wslay_event_context_free(w->context);
        http_free(w->connection);
        free(w);
        return NULL;
}

int websocket_fd(WebSocket *w) {
        return http_fd(w->connection);
}

bool websocket_is_sending(WebSocket *w) {
        return !w->broken && wslay_event_want_write(w->context);
}

bool websocket_has_input(WebSocket *w) {
        return http_leftover(w->connection)->size > 0;
}

short websocket_events(WebSocket *w) {
        return (short) ((w->ended ? 0 : POLLIN) | (websocket_is_sending(w) ? POLLOUT : 0));
}

int websocket_read(WebSocket *w) {
        int r = wslay_event_recv(w->context);

        if (w->error < 0)
                return w->error;
        if (r != 0 || wslay_event_get_close_received(w->context) || !wslay_event_get_read_enabled(w->context))
                w->ended = true;
        (void) websocket_flush(w);      /* pongs and the answer to a close */
        return !w->ended;
}

int websocket_flush(WebSocket *w) {
        if (w->broken)
                return -EPIPE;
        if (wslay_event_want_write(w->context) && wslay_event_send(w->context) != 0)
                w->broken = true;
        return w->broken ? -EPIPE : 0;
}

int websocket_send(WebSocket *w, WebSocketType type, const void *data, size_t n) {
        struct wslay_event_msg message = { .opcode = (uint8_t) type, .msg = data, .msg_length = n };

        if (w->broken || wslay_event_queue_msg(w->context, &message) != 0)
                return -EPIPE;
        return websocket_flush(w);
}

void websocket_close(WebSocket *w) {
        if (w->broken || wslay_event_get_close_sent(w->context))
                return;
        (void) wslay_event_queue_close(w->context, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
        (void) websocket_flush(w);
}
