/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that a client sends to the server, cut into two pieces, with a pause between them or an echo of what came: as many bytes as were
 * sent come out at the most, and the end is told once. */
#include <stdio.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Heard {
        size_t bytes;
        unsigned closed;
        bool echo;
} Heard;

static void on_data(WebSocket *ws, WebSocketType type, const void *data, size_t n, bool end, void *userdata) {
        Heard *h = userdata;

        if (h->closed || (type != WEBSOCKET_TEXT && type != WEBSOCKET_BINARY))
                abort();
        h->bytes += n;
        if (h->echo)
                (void) websocket_send(ws, type, data, n);
}

static void on_closed(WebSocket *ws, bool clean, void *userdata) {
        ((Heard *) userdata)->closed++;
}

static void settle(sd_event *event, int fd) {
        char rest[4096];

        do
                while (sd_event_run(event, 0) > 0)
                        ;
        while (recv(fd, rest, sizeof(rest), MSG_DONTWAIT) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const WebSocketCallbacks callbacks = { .data = on_data, .closed = on_closed };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_close_ int client = -EBADF;
        WebSocket *ws;
        Heard h = {};
        size_t first;
        int pair[2];

        if (size < 2 || size > 32768)
                return 0;
        first = MIN(size - 2, data[0]);
        h.echo = data[1] & 1;
        if (sd_event_new(&event) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
            websocket_new(event, pair[1], &ws) < 0)
                abort();
        client = pair[0];
        websocket_set_callbacks(ws, &callbacks, &h);
        (void) send(client, data + 2, first, MSG_NOSIGNAL);
        settle(event, client);
        if (!h.closed && (data[1] & 2))
                websocket_pause(ws, true);
        (void) send(client, data + 2 + first, size - 2 - first, MSG_NOSIGNAL);
        settle(event, client);
        if (!h.closed && (data[1] & 2))
                websocket_pause(ws, false);
        if (!h.closed && (data[1] & 4)) {
                websocket_close(ws); /* hears nothing any more */
                h.closed = 1;
        }
        (void) shutdown(client, SHUT_WR);
        settle(event, client);
        if (h.bytes > size || h.closed != 1) {
                fprintf(stderr, "%zu bytes of %zu, closed %u times\n", h.bytes, size, h.closed);
                abort();
        }
        return 0;
}
