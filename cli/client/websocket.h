/* SPDX-License-Identifier: Apache-2.0 */
/* The client's end of a websocket on a unix socket; framing by wslay. Never blocks after websocket_finish(). */
#pragma once

#include "http.h"

typedef struct WebSocket WebSocket;

typedef enum WebSocketType {
        WEBSOCKET_TEXT = 1,             /* opcodes of RFC 6455 */
        WEBSOCKET_BINARY = 2,
} WebSocketType;

/* What a websocket tells its owner. Data of a message comes in pieces as it arrives; then the end of the
 * message. A negative result stops reading and is returned by websocket_read(). */
typedef struct WebSocketHandler {
        int (*on_data)(WebSocket *w, WebSocketType type, const void *data, size_t n, void *userdata);
        int (*on_end)(WebSocket *w, WebSocketType type, void *userdata);
        void *userdata;
} WebSocketHandler;

/* Connects and sends the upgrade request for 'path'; the answer is read by websocket_finish(), so that several
 * can be on their way at once. Returns 0 and the websocket, or what http_connect() and http_send() return. */
int websocket_start(const char *socket_path, const char *path, const WebSocketHandler *handler, WebSocket **ret);

/* Waits for the answer of the upgrade. Returns 0; -EPROTO with the server's text set by fail(): it refused;
 * or what http_read_head() returns. */
int websocket_finish(WebSocket *w);

/* Closes the socket at once; a close message is queued and flushed by websocket_close() beforehand if wanted. */
WebSocket *websocket_free(WebSocket *w);
DEFINE_CLEANUP(WebSocket, websocket_free)

/* The socket and the events to poll it for (POLLOUT only while something waits to be sent). */
int websocket_fd(WebSocket *w);
short websocket_events(WebSocket *w);

/* Handles what has arrived. Returns 1 if more may come, 0 when the peer closed, properly or not, or an error of
 * the handler. */
int websocket_read(WebSocket *w);

/* Queues one message, and sends as much as the socket takes. Returns 0, or -EPIPE: nobody is there any more. */
int websocket_send(WebSocket *w, WebSocketType type, const void *data, size_t n);
int websocket_flush(WebSocket *w);

/* Queues the close message, once. */
void websocket_close(WebSocket *w);

/* True while bytes wait for the socket to take them. */
bool websocket_is_sending(WebSocket *w);

/* True if bytes were received with the answer of the upgrade: websocket_read() is due without poll(). */
bool websocket_has_input(WebSocket *w);
