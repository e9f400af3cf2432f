/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the websockets: wslay makes and reads the frames, buffers on both sides keep the system calls few. */

#include <openssl/evp.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

#include "bus-error.h"
#include "http.h"
#include "reply.h"
#include "websocket.h"

#define BUFFER_SIZE ((size_t) 64 << 10)
#define CLOSE_WAIT (5 * USEC_PER_SEC)

struct WebSocket {
        sd_event *event;
        int fd;
        struct MHD_UpgradeResponseHandle *upgrade; /* who owns fd; NULL: we do */
        Request *request;                          /* keeps the HTTP side alive */
        sd_event_source *io, *timer, *deferred;
        wslay_event_context_ptr wslay;
        const WebSocketCallbacks *callbacks;
        void *userdata;

        /* Both are there only while there is something in them: hundreds of listeners are silent nearly always. */
        char *in; /* read from the socket, not yet seen by wslay */
        size_t in_begin, in_end;
        char *out; /* framed by wslay, not yet taken by the socket */
        size_t out_begin, out_end;

        uint8_t opcode;  /* of the data message that is arriving */
        bool fin;        /* its last frame is */
        bool paused, broken, closing, inside;
};

/* wslay wants bytes. */
static ssize_t on_recv(wslay_event_context_ptr c, uint8_t *data, size_t n, int flags, void *userdata) {
        WebSocket *ws = userdata;
        ssize_t k;

        if (ws->in_begin == ws->in_end && !ws->paused) {
                if (!ws->in)
                        ws->in = malloc(BUFFER_SIZE);
                do
                        k = ws->in ? recv(ws->fd, ws->in, BUFFER_SIZE, MSG_DONTWAIT) : 0;
                while (k < 0 && errno == EINTR);
                if (k == 0 || (k < 0 && errno != EAGAIN)) {
                        ws->broken = true;
                        wslay_event_set_error(c, WSLAY_ERR_CALLBACK_FAILURE);
                        return -1;
                }
                ws->in_begin = 0;
                ws->in_end = MAX(k, 0);
        }
        if (ws->in_begin == ws->in_end)
                ws->in = (free(ws->in), NULL);
        if (ws->paused || ws->in_begin == ws->in_end) {
                wslay_event_set_error(c, WSLAY_ERR_WOULDBLOCK);
                return -1;
        }
        n = MIN(n, ws->in_end - ws->in_begin);
        memcpy(data, ws->in + ws->in_begin, n);
        ws->in_begin += n;
        return n;
}

/* Gives the socket what it takes. 0, -EAGAIN, -EPIPE. */
static int flush(WebSocket *ws) {
        while (ws->out_begin < ws->out_end) {
                ssize_t k = send(ws->fd, ws->out + ws->out_begin, ws->out_end - ws->out_begin, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (k >= 0)
                        ws->out_begin += k;
                else if (errno == EAGAIN)
                        return -EAGAIN;
                else if (errno != EINTR) {
                        ws->broken = true;
                        return -EPIPE;
                }
        }
        ws->out_begin = ws->out_end = 0;
        ws->out = (free(ws->out), NULL);
        return 0;
}

/* wslay has bytes to send. */
static ssize_t on_send(wslay_event_context_ptr c, const uint8_t *data, size_t n, int flags, void *userdata) {
        WebSocket *ws = userdata;

        if (ws->out_end == BUFFER_SIZE) {
                int r = flush(ws);

                if (r < 0) {
                        wslay_event_set_error(c, r == -EAGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
                        return -1;
                }
        }
        if (!ws->out && !(ws->out = malloc(BUFFER_SIZE))) {
                wslay_event_set_error(c, WSLAY_ERR_CALLBACK_FAILURE);
                return -1;
        }
        n = MIN(n, BUFFER_SIZE - ws->out_end);
        memcpy(ws->out + ws->out_end, data, n);
        ws->out_end += n;
        return n;
}

static void on_frame_start(wslay_event_context_ptr c, const struct wslay_event_on_frame_recv_start_arg *arg, void *userdata) {
        WebSocket *ws = userdata;

        if (arg->opcode == WSLAY_TEXT_FRAME || arg->opcode == WSLAY_BINARY_FRAME)
                ws->opcode = arg->opcode;
        /* Control frames between the parts of a message are not ours to see. */
        ws->fin = arg->fin;
        ws->inside = !wslay_is_ctrl_frame(arg->opcode);
}

static void on_frame_chunk(wslay_event_context_ptr c, const struct wslay_event_on_frame_recv_chunk_arg *arg, void *userdata) {
        WebSocket *ws = userdata;

        if (ws->inside && ws->callbacks && ws->callbacks->data && arg->data_length > 0)
                ws->callbacks->data(ws, ws->opcode, arg->data, arg->data_length, false, ws->userdata);
}

static void on_frame_end(wslay_event_context_ptr c, void *userdata) {
        WebSocket *ws = userdata;

        if (ws->inside && ws->fin && ws->callbacks && ws->callbacks->data)
                ws->callbacks->data(ws, ws->opcode, NULL, 0, true, ws->userdata);
}

/* Hands the socket back and frees everything. */
WebSocket *websocket_free(WebSocket *ws) {
        if (!ws)
                return NULL;
        sd_event_source_disable_unref(ws->io);
        sd_event_source_disable_unref(ws->timer);
        sd_event_source_disable_unref(ws->deferred);
        wslay_event_context_free(ws->wslay);
        if (ws->upgrade) {
                (void) shutdown(ws->fd, SHUT_RDWR);
                (void) MHD_upgrade_action(ws->upgrade, MHD_UPGRADE_ACTION_CLOSE);
                http_kick(ws->request->manager->http);
        } else
                close_safe(ws->fd);
        request_unref(ws->request);
        free(ws->in);
        free(ws->out);
        free(ws);
        return NULL;
}

size_t websocket_queued(WebSocket *ws) {
        return wslay_event_get_queued_msg_length(ws->wslay) + ws->out_end - ws->out_begin;
}

static void update_events(WebSocket *ws) {
        bool write = wslay_event_want_write(ws->wslay) || ws->out_begin < ws->out_end;
        bool read = (ws->callbacks || ws->closing) && !ws->paused && wslay_event_want_read(ws->wslay);

        (void) sd_event_source_set_io_events(ws->io, (write ? EPOLLOUT : 0) | (read ? EPOLLIN : 0));
}

/* Frames and sends as much as possible. False when the socket is broken. */
static bool send_some(WebSocket *ws) {
        do {
                if (wslay_event_want_write(ws->wslay) && wslay_event_send(ws->wslay) < 0)
                        ws->broken = true;
                if (ws->broken || flush(ws) < 0)
                        break;
        } while (wslay_event_want_write(ws->wslay));
        return !ws->broken;
}

static int on_close_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        websocket_free(userdata);
        return 0;
}

/* The owner is done with it; what is still to be sent gets a moment. */
static int linger(WebSocket *ws) {
        ws->callbacks = NULL;
        ws->closing = true;
        ws->paused = false;
        return sd_event_add_time_relative(ws->event, &ws->timer, CLOCK_MONOTONIC, CLOSE_WAIT, 0, on_close_timer, ws);
}

/* After reading or writing: tell the owner what has come of it. May free ws. */
static void settle(WebSocket *ws) {
        bool received = wslay_event_get_close_received(ws->wslay);
        /* The peer said goodbye, or something that is no frame: wslay tells it so, reads no more, and nobody needs to wait for an answer. */
        bool ended = !wslay_event_get_read_enabled(ws->wslay);
        /* What wslay has queued it may have given up, a pong behind a close frame: it counts until it does not want to write any more. */
        bool over = ws->broken || (ended && ws->out_begin == ws->out_end && !wslay_event_want_write(ws->wslay));
        const WebSocketCallbacks *callbacks = ws->callbacks;

        if (!over && !ended) {
                update_events(ws);
                return;
        }
        /* The owner does not wait until the peer has taken all that was sent before: it may have stopped reading. */
        if (!ws->closing) {
                over = linger(ws) < 0 || over;
                if (callbacks && callbacks->closed)
                        callbacks->closed(ws, received, ws->userdata);
        }
        if (over)
                websocket_free(ws);
        else
                update_events(ws);
}

static void receive(WebSocket *ws) {
        if (ws->paused || !(ws->callbacks || ws->closing))
                return;
        if (wslay_event_want_read(ws->wslay) && wslay_event_recv(ws->wslay) < 0)
                ws->broken = true;
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        WebSocket *ws = userdata;

        if (events & EPOLLIN)
                receive(ws);
        else if (events & (EPOLLHUP | EPOLLERR))
                ws->broken = true;
        if (!ws->broken) {
                bool queued = websocket_queued(ws) > 0;

                if (send_some(ws) && queued && websocket_queued(ws) == 0 && ws->callbacks && ws->callbacks->drained)
                        ws->callbacks->drained(ws, ws->userdata);
        }
        settle(ws);
        return 0;
}

/* Bytes that wait in our own buffer make no event of the socket. */
static int on_deferred(sd_event_source *s, void *userdata) {
        WebSocket *ws = userdata;

        receive(ws);
        (void) send_some(ws);
        settle(ws);
        return 0;
}

static int new(sd_event *event, int fd, WebSocket **ret) {
        static const struct wslay_event_callbacks callbacks = {
                .recv_callback = on_recv,
                .send_callback = on_send,
                .on_frame_recv_start_callback = on_frame_start,
                .on_frame_recv_chunk_callback = on_frame_chunk,
                .on_frame_recv_end_callback = on_frame_end,
        };
        WebSocket *ws = calloc(1, sizeof(*ws));
        int r;

        if (!ws)
                return -ENOMEM;
        ws->event = event;
        ws->fd = fd;

        r = wslay_event_context_server_init(&ws->wslay, &callbacks, ws);
        if (r < 0) {
                free(ws);
                return -ENOMEM;
        }
        wslay_event_config_set_no_buffering(ws->wslay, 1);
        r = sd_event_add_io(event, &ws->io, fd, 0, on_io, ws);
        if (r >= 0)
                r = sd_event_add_defer(event, &ws->deferred, on_deferred, ws);
        if (r >= 0)
                r = sd_event_source_set_enabled(ws->deferred, SD_EVENT_OFF);
        if (r < 0) {
                sd_event_source_disable_unref(ws->io);
                wslay_event_context_free(ws->wslay);
                free(ws);
                return r;
        }
        *ret = ws;
        return 0;
}

int websocket_new(sd_event *event, int fd, WebSocket **ret) {
        _cleanup_close_ int mine = fd;
        int r = new (event, fd, ret);

        if (r >= 0)
                TAKE_FD(mine);
        return r;
}

void websocket_set_callbacks(WebSocket *ws, const WebSocketCallbacks *callbacks, void *userdata) {
        ws->callbacks = callbacks;
        ws->userdata = userdata;
        if (ws->in_begin < ws->in_end)
                (void) sd_event_source_set_enabled(ws->deferred, SD_EVENT_ONESHOT);
        update_events(ws);
}

void websocket_pause(WebSocket *ws, bool pause) {
        if (ws->paused == pause)
                return;
        ws->paused = pause;
        if (!pause)
                (void) sd_event_source_set_enabled(ws->deferred, SD_EVENT_ONESHOT);
        update_events(ws);
}

int websocket_send(WebSocket *ws, WebSocketType type, const void *data, size_t n) {
        struct wslay_event_msg message = { .opcode = type, .msg = data, .msg_length = n };
        int r;

        if (ws->broken)
                return -ENOTCONN;
        r = wslay_event_queue_msg(ws->wslay, &message);
        if (r < 0)
                return r == WSLAY_ERR_NOMEM ? -ENOMEM : -ENOTCONN;
        if (!send_some(ws)) /* the owner hears of it from the loop, not from inside its own call */
                (void) sd_event_source_set_enabled(ws->deferred, SD_EVENT_ONESHOT);
        update_events(ws);
        return 0;
}

void websocket_close(WebSocket *ws) {
        if (!ws)
                return;
        if (linger(ws) < 0 || ws->broken || wslay_event_queue_close(ws->wslay, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0) < 0 || !send_some(ws)) {
                /* Not from inside one of its own callbacks. */
                ws->broken = true;
                (void) sd_event_source_set_enabled(ws->deferred, SD_EVENT_ONESHOT);
                return;
        }
        (void) sd_event_source_set_enabled(ws->deferred, SD_EVENT_ONESHOT);
        update_events(ws);
}

typedef struct Upgrade {
        Request *request;
        void (*ready)(WebSocket *ws, void *userdata);
        void *userdata;
} Upgrade;

static void on_upgrade(void *userdata, struct MHD_Connection *connection, void *request, const char *extra, size_t n_extra,
                       MHD_socket fd, struct MHD_UpgradeResponseHandle *handle) {
        Upgrade *u = userdata;
        WebSocket *ws = NULL;

        if (n_extra > BUFFER_SIZE || new (u->request->manager->event, fd, &ws) < 0 || (n_extra > 0 && !(ws->in = malloc(BUFFER_SIZE)))) {
                if (ws) { /* the socket is not ours */
                        ws->fd = -EBADF;
                        websocket_free(ws);
                }
                (void) MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
                u->ready(NULL, u->userdata);
        } else {
                ws->upgrade = handle;
                ws->request = request_ref(u->request);
                if (n_extra > 0)
                        memcpy(ws->in, extra, n_extra);
                ws->in_end = n_extra;
                u->ready(ws, u->userdata);
        }
        u->ready = NULL;
}

/* The request is freed: was the connection ever changed over? */
static void upgrade_free(void *p) {
        Upgrade *u = p;

        if (u->ready)
                u->ready(NULL, u->userdata);
        free(u);
}

static bool list_has(const char *list, const char *word) {
        size_t n = strlen(word);

        for (const char *p = strempty(list); *p; p += strcspn(p, ","), p += *p == ',') {
                p += strspn(p, " \t");
                if (strncasecmp(p, word, n) == 0 && strchr(", \t", p[n]))
                        return true;
        }
        return false;
}

/* Sec-WebSocket-Accept: a digest over the client's key and the protocol's GUID (RFC 6455, 4.2.2). */
static int accept_value(const char *key, char ret[static 32]) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        char text[24 + 36 + 1];
        unsigned n;

        (void) snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
        if (EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL) != 1)
                return -EIO;
        (void) EVP_EncodeBlock((unsigned char*) ret, digest, (int) n);
        return 0;
}

int websocket_accept(Request *r, void (*ready)(WebSocket *ws, void *userdata), void *userdata, sd_bus_error *error) {
        const char *key = strempty(request_header(r, MHD_HTTP_HEADER_SEC_WEBSOCKET_KEY));
        struct MHD_Response *response;
        char value[32];
        Upgrade *u;
        int x;

        if (!list_has(request_header(r, MHD_HTTP_HEADER_UPGRADE), "websocket") ||
            !list_has(request_header(r, MHD_HTTP_HEADER_CONNECTION), "upgrade") || strlen(key) != 24 ||
            !streq_ptr(request_header(r, MHD_HTTP_HEADER_SEC_WEBSOCKET_VERSION), "13"))
                return bus_error_set(error, LXD_ERROR_INVALID, "This needs a websocket handshake (RFC 6455, version 13)");
        x = accept_value(key, value);
        if (x < 0)
                return x;

        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        response = MHD_create_response_for_upgrade(on_upgrade, u);
        if (!response) {
                free(u);
                return -ENOMEM;
        }
        *u = (Upgrade) { .request = r, .ready = ready, .userdata = userdata };
        r->waiting = u;
        r->free_waiting = upgrade_free;
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "websocket");
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_SEC_WEBSOCKET_ACCEPT, value);
        return reply_response(r, MHD_HTTP_SWITCHING_PROTOCOLS, response);
}
