/* SPDX-License-Identifier: Apache-2.0 */
/* Websockets on the event loop: handshake, frames, queue, closing. */
#pragma once

#include "request.h"

typedef struct WebSocket WebSocket;

typedef enum WebSocketType {
        WEBSOCKET_TEXT = 1,
        WEBSOCKET_BINARY = 2,
} WebSocketType;

typedef struct WebSocketCallbacks {
        /* Part of a data message, as it comes; end: this was the last part (n may be 0). May be NULL: everything is ignored. */
        void (*data)(WebSocket *ws, WebSocketType type, const void *data, size_t n, bool end, void *userdata);
        /* What was queued has left for the kernel. May be NULL. */
        void (*drained)(WebSocket *ws, void *userdata);
        /* The end, once, unless the owner itself closed or freed it: clean when the peer said goodbye. The object is freed after it. */
        void (*closed)(WebSocket *ws, bool clean, void *userdata);
} WebSocketCallbacks;

/* Answers the request with 101; ready() is called with the websocket when the connection has changed over, or with NULL when the client was
 * gone before that. 0; -EINVAL with error set: no or a wrong handshake. */
int websocket_accept(Request *r, void (*ready)(WebSocket *ws, void *userdata), void *userdata, sd_bus_error *error);

/* A websocket on any connected stream socket (ours from then on); tests use it. 0, -errno. */
int websocket_new(sd_event *event, int fd, WebSocket **ret);
/* Hangs up at once. */
WebSocket *websocket_free(WebSocket *ws);

/* Without callbacks (the beginning) nothing is read. */
void websocket_set_callbacks(WebSocket *ws, const WebSocketCallbacks *callbacks, void *userdata);
/* Queues one message (copied). What can leave leaves at once. 0, -ENOMEM, -ENOTCONN. Never calls back. */
int websocket_send(WebSocket *ws, WebSocketType type, const void *data, size_t n);
/* Bytes that have not left yet. */
size_t websocket_queued(WebSocket *ws);
/* Stops and resumes reading from the peer. */
void websocket_pause(WebSocket *ws, bool pause);
/* Sends what is queued and a close frame, waits for the peer's (5 s at most), frees itself. No callback any more. */
void websocket_close(WebSocket *ws);
