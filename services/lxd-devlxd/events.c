/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream of a guest. */
#include "events.h"

#include <openssl/evp.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

#include "answer.h"
#include "base/clock.h"
#include "base/file.h"
#include "bus-message.h"
#include "json-write.h"
#include "log.h"

#define WEBSOCKET_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define MESSAGE_MAX 4096U /* a guest has nothing to say here */
#define QUEUE_MAX (256U * 1024U) /* a guest that does not read is let go */
#define LISTENERS_PER_GUEST 16U
#define STALE_USEC (120 * USEC_PER_SEC)

typedef struct Listener {
        Events *events;
        uint64_t guest;
        uint64_t since; /* monotonic; one that has no websocket long after this never gets one */
        bool config; /* wants this type */
        int fd;
        struct MHD_UpgradeResponseHandle *handle;
        wslay_event_context_ptr ws;
        sd_event_source *io;
        struct Listener *next;
} Listener;

struct Events {
        Manager *manager;
        Listener *listeners;
        unsigned n_listeners;
        bool subscribed;
};

static void on_signal(BusPeer *p, sd_bus_message *m, void *userdata);

static void listener_free(Listener *l) {
        for (Listener **p = &l->events->listeners; *p; p = &(*p)->next)
                if (*p == l) {
                        *p = l->next;
                        l->events->n_listeners--;
                        break;
                }
        sd_event_source_disable_unref(l->io);
        if (l->ws)
                wslay_event_context_free(l->ws);
        if (l->handle)
                (void) MHD_upgrade_action(l->handle, MHD_UPGRADE_ACTION_CLOSE);
        if (l->events->n_listeners == 0 && l->events->subscribed) {
                bus_peer_unsubscribe(l->events->manager->instanced);
                l->events->subscribed = false;
        }
        free(l);
}

static ssize_t on_receive(wslay_event_context_ptr ws, uint8_t *data, size_t n, int flags, void *userdata) {
        Listener *l = userdata;
        ssize_t k = recv(l->fd, data, n, MSG_DONTWAIT);

        if (k > 0)
                return k;
        wslay_event_set_error(ws, k < 0 && (errno == EAGAIN || errno == EINTR) ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t n, int flags, void *userdata) {
        Listener *l = userdata;
        ssize_t k = send(l->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (k >= 0)
                return k;
        wslay_event_set_error(ws, errno == EAGAIN || errno == EINTR ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
}

/* Sends what can leave; asks to be called again when more could. False: the listener is gone. */
static bool listener_flush(Listener *l) {
        if (wslay_event_send(l->ws) != 0 || (!wslay_event_want_read(l->ws) && !wslay_event_want_write(l->ws)) ||
            wslay_event_get_queued_msg_length(l->ws) > QUEUE_MAX) {
                listener_free(l);
                return false;
        }
        (void) sd_event_source_set_io_events(l->io, EPOLLIN | (wslay_event_want_write(l->ws) ? EPOLLOUT : 0));
        return true;
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Listener *l = userdata;

        if ((revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) && wslay_event_recv(l->ws) != 0) {
                listener_free(l);
                return 0;
        }
        (void) listener_flush(l);
        return 0;
}

static int listener_start(Listener *l) {
        static const struct wslay_event_callbacks callbacks = { .recv_callback = on_receive, .send_callback = on_send };
        int r;

        r = fd_set_nonblock(l->fd, true);
        if (r < 0)
                return r;
        if (wslay_event_context_server_init(&l->ws, &callbacks, l) != 0)
                return -ENOMEM;
        wslay_event_config_set_max_recv_msg_length(l->ws, MESSAGE_MAX);
        return sd_event_add_io(l->events->manager->event, &l->io, l->fd, EPOLLIN, on_io, l);
}

static void on_upgraded(void *userdata, struct MHD_Connection *connection, void *context, const char *extra, size_t n_extra,
                        MHD_socket fd, struct MHD_UpgradeResponseHandle *handle) {
        Listener *l = userdata;
        int r;

        l->fd = fd;
        l->handle = handle;
        r = n_extra > 0 ? -EPROTO : listener_start(l); /* nothing may come before our answer */
        if (r < 0)
                listener_free(l);
}

int events_accept_key(const char *key, char **ret) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        _cleanup_free_ char *text = NULL;
        unsigned n = 0;
        char *encoded;
        int r;

        r = str_format(&text, "%s" WEBSOCKET_GUID, key);
        if (r < 0)
                return r;
        if (!EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL))
                return -EIO;
        encoded = malloc(4 * ((n + 2) / 3) + 1);
        if (!encoded)
                return -ENOMEM;
        (void) EVP_EncodeBlock((unsigned char *) encoded, digest, (int) n);
        *ret = encoded;
        return 0;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, const char *text) {
        struct MHD_Response *response =
                        MHD_create_response_from_buffer(strlen(text), (void *) text, MHD_RESPMEM_PERSISTENT);
        enum MHD_Result result;

        if (!response)
                return MHD_NO;
        result = MHD_queue_response(connection, MHD_HTTP_BAD_REQUEST, response);
        MHD_destroy_response(response);
        return result;
}

static bool wants_config(struct MHD_Connection *connection) {
        const char *types = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "type");
        _cleanup_strv_free_ Strv list = NULL;

        return isempty(types) || (strv_split(types, ",", &list) >= 0 && strv_contains(list, "config"));
}

/* When the client hangs up before our answer has left, libmicrohttpd never tells. */
static void forget_stale(Events *e) {
        for (Listener *l = e->listeners, *next; l; l = next) {
                next = l->next;
                if (!l->ws && now_monotonic() - l->since > STALE_USEC)
                        listener_free(l);
        }
}

static unsigned count_listeners(Events *e, uint64_t guest) {
        unsigned n = 0;

        for (Listener *l = e->listeners; l; l = l->next)
                n += l->guest == guest;
        return n;
}

static enum MHD_Result queue_upgrade(struct MHD_Connection *connection, Listener *l, const char *accept) {
        struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgraded, l);
        enum MHD_Result result;

        if (!response)
                return MHD_NO;
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "websocket");
        (void) MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
        result = MHD_queue_response(connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
        MHD_destroy_response(response);
        return result;
}

enum MHD_Result events_accept(Events *e, struct MHD_Connection *connection, uint64_t guest) {
        const char *key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Sec-WebSocket-Key");
        const char *upgrade = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_UPGRADE);
        _cleanup_free_ char *accept = NULL;
        enum MHD_Result result;
        Listener *l;

        if (!key || !upgrade || strcasecmp(upgrade, "websocket") != 0 || strlen(key) > 64)
                return refuse(connection, "Bad Request\n");
        forget_stale(e);
        if (count_listeners(e, guest) >= LISTENERS_PER_GUEST)
                return refuse(connection, "too many event streams from this instance\n");
        if (events_accept_key(key, &accept) < 0)
                return MHD_NO;
        l = calloc(1, sizeof(Listener));
        if (!l)
                return MHD_NO;
        *l = (Listener) { .events = e, .guest = guest, .since = now_monotonic(), .config = wants_config(connection), .fd = -EBADF, .next = e->listeners };
        e->listeners = l;
        e->n_listeners++;
        result = queue_upgrade(connection, l, accept);
        if (result != MHD_YES) {
                listener_free(l);
                return result;
        }
        if (!e->subscribed && bus_peer_subscribe(e->manager->instanced, on_signal, e) >= 0)
                e->subscribed = true;
        return MHD_YES;
}

static int add_message(const char *key, const char *before, const char *after, Strv *v) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *text = NULL;
        int r;

        json_object_begin(&w, NULL);
        json_time(&w, "timestamp", now_realtime());
        json_string(&w, "type", "config");
        json_object_begin(&w, "metadata");
        json_string(&w, "key", key);
        json_string(&w, "old_value", strempty(before));
        json_string(&w, "value", strempty(after));
        json_object_end(&w);
        json_object_end(&w);
        r = json_finish_text(&w, &text);
        return r < 0 ? r : strv_extend(v, text);
}

static bool is_visible(const char *key) {
        return startswith(key, "user.") || startswith(key, "cloud-init.");
}

int events_config_messages(const Config *before, const Config *after, Strv *ret) {
        _cleanup_strv_free_ Strv v = NULL;
        int r;

        CONFIG_FOREACH(i, before)
                if (is_visible(i->key) && !streq_ptr(config_get(after, i->key), i->value)) {
                        r = add_message(i->key, i->value, config_get(after, i->key), &v);
                        if (r < 0)
                                return r;
                }
        CONFIG_FOREACH(i, after)
                if (is_visible(i->key) && !config_get(before, i->key)) {
                        r = add_message(i->key, NULL, i->value, &v);
                        if (r < 0)
                                return r;
                }
        *ret = TAKE_PTR(v);
        return 0;
}

static void send_all(Events *e, uint64_t guest, Strv messages) {
        for (Listener *l = e->listeners, *next; l; l = next) {
                next = l->next;
                if (l->guest != guest || !l->config || !l->ws)
                        continue;
                STRV_FOREACH(text, messages)
                        (void) wslay_event_queue_msg(l->ws, &(struct wslay_event_msg) { .opcode = WSLAY_TEXT_FRAME,
                                                                                       .msg = (const uint8_t *) *text,
                                                                                       .msg_length = strlen(*text) });
                (void) listener_flush(l);
        }
}

static void on_signal(BusPeer *p, sd_bus_message *m, void *userdata) {
        _cleanup_(config_done) Config before = {}, after = {};
        _cleanup_strv_free_ Strv messages = NULL;
        Events *e = userdata;
        uint64_t guest;
        int r;

        if (!m || sd_bus_message_is_signal(m, LXD_BUS_PREFIX ".instance1.Guest", "GuestConfigChanged") <= 0)
                return;
        r = sd_bus_message_read(m, "t", &guest);
        if (r >= 0)
                r = bus_read_config(m, &before);
        if (r >= 0)
                r = bus_read_config(m, &after);
        if (r >= 0)
                r = events_config_messages(&before, &after, &messages);
        if (r < 0)
                log_warning_errno(r, "Failed to tell a guest about its configuration: %m");
        else
                send_all(e, guest, messages);
}

int events_new(Manager *m, Events **ret) {
        Events *e = calloc(1, sizeof(Events));

        if (!e)
                return -ENOMEM;
        e->manager = m;
        *ret = e;
        return 0;
}

Events *events_free(Events *e) {
        if (!e)
                return NULL;
        while (e->listeners)
                listener_free(e->listeners);
        free(e);
        return NULL;
}

unsigned events_listeners(Events *e) {
        forget_stale(e);
        return e->n_listeners;
}
