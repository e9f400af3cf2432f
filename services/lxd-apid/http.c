/* SPDX-License-Identifier: Apache-2.0 */
/* Owns libmicrohttpd: its epoll descriptor and its timeout on the event loop, and the steps of each request. */

#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/file.h"
#include "body-stream.h"
#include "bus-error.h"
#include "http.h"
#include "json-args.h"
#include "log.h"
#include "reply.h"
#include "request-private.h"
#include "call.h"
#include "routes.h"

#define CONNECTIONS_MAX 8192U
#define CONNECTION_MEMORY ((size_t) 64 << 10) /* half of it is the read buffer, which is wiped after each request */
#define IDLE_SEC 10U       /* an open connection without a request */
#define REST_USEC (5 * USEC_PER_SEC)
#define TRANSFER_SEC 3600U /* one with a body on its way that does not move */

typedef struct Listener {
        Http *http;
        int fd;
        sd_event_source *io;
        struct Listener *next;
} Listener;

/* A connection, as long as it is HTTP: one whose first request has not come, or with a request that has no answer yet, keeps the process from
 * ending. The client could not know that it was not served. */
typedef struct Connection {
        Http *http;
        bool held;
} Connection;

struct Http {
        Manager *manager;
        struct MHD_Daemon *daemon;
        sd_event_source *io, *timer, *kick;
        Listener *listeners;
        Request *requests;
        Request *waiting; /* for their answers, since this round of libmicrohttpd */
        unsigned connections;
        uint64_t last; /* when a connection ended, monotonic */
};

static void printf_like(2, 0) on_log(void *userdata, const char *format, va_list ap) {
        char text[512];

        (void) vsnprintf(text, sizeof(text), format, ap);
        text[strcspn(text, "\n")] = '\0';
        log_debug("http: %s", text);
}

/* Paths and queries are decoded by target_parse(), after they were split. */
static size_t on_unescape(void *userdata, struct MHD_Connection *connection, char *text) {
        return strlen(text);
}

static void hold(Connection *c, bool hold) {
        Manager *m;

        if (!c || c->held == hold)
                return;
        m = c->http->manager;
        c->held = hold;
        if (m->hold)
                m->hold(m->hold_userdata, hold);
}

static Connection *connection_of(struct MHD_Connection *connection) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info ? info->socket_context : NULL;
}

void request_hold(Request *r, bool held) {
        hold(connection_of(r->connection), held);
}

static void *on_uri(void *userdata, const char *uri, struct MHD_Connection *connection) {
        Http *h = userdata;

        hold(connection_of(connection), true);
        return request_new(h->manager, &h->requests, connection, uri);
}

static enum MHD_Result queue_answer(Request *r) {
        enum MHD_Result result;

        if (r->status == 0) /* there was no memory for it */
                return MHD_NO;
        if (r->status == MHD_HTTP_SWITCHING_PROTOCOLS)
                request_hold(r, false);
        result = MHD_queue_response(r->connection, r->status, r->response);
        if (!r->borrowed)
                MHD_destroy_response(r->response);
        r->response = NULL;
        return result;
}

static uint64_t content_length(Request *r) {
        uint64_t n;

        if (parse_u64(strempty(request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH)), &n) < 0)
                return request_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING) ? UINT64_MAX : 0;
        return n;
}

/* Does project= mean something to the route? */
static bool in_project(const Request *r) {
        static const char *const prefixes[] = { "1.0/images", "1.0/instances", "1.0/networks", "1.0/profiles", "1.0/storage-pools/{}/volumes" };

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (startswith(r->route->path, prefixes[i]))
                        return true;
        return false;
}

static int then_in_project(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(reply);

        if (e && sd_bus_error_has_name(e, LXD_ERROR_NOT_FOUND))
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Failed loading project \"%s\": %s", r->project, e->message);
        if (e)
                return sd_bus_error_copy(error, e);
        return r->route->handler(r, error);
}

/* The handler, once lxd-clusterd has said that there is such a project. */
static int run_in_project(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", "GetProject");
        call_append(&c, "st", r->project, (uint64_t) 0);
        return call_send_any(&c, then_in_project, error);
}

/* Runs the handler, and makes an answer of its error. A stream has to have its reader before anybody else is asked anything. */
static void run_handler(Request *r) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool check = r->ended && !streq(r->project, "default") && in_project(r);
        int x = check ? run_in_project(r, &error) : r->route->handler(r, &error);

        if (x < 0)
                (void) reply_bus_error(r, x, &error);
}

/* Known paths answer OPTIONS with nothing (browsers ask), and say by the status whether the method is known at all. */
static void reply_no_route(Request *r, const char *method, int x) {
        static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
        _cleanup_free_ char *text = NULL;

        if (x == -ENOENT) {
                (void) reply_error(r, MHD_HTTP_NOT_FOUND, "not found");
                return;
        }
        if (streq(method, "OPTIONS")) {
                (void) reply_response(r, MHD_HTTP_OK, response_from_text("", 0, NULL));
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq(method, methods[i])) {
                        (void) reply_error(r, MHD_HTTP_NOT_IMPLEMENTED, "not implemented");
                        return;
                }
        if (str_format(&text, "Method \"%s\" not found", method) >= 0)
                (void) reply_error(r, MHD_HTTP_NOT_FOUND, text);
}

/* An encoded slash would name a snapshot; *ret is set to what is wrong with it. There are no virtual machines to be found. */
static bool names_no_instance(Request *r, const char **ret) {
        if (!startswith(r->route->path, "1.0/instances/{}"))
                return false;
        if (strchr(r->labels[0], '/'))
                *ret = "Invalid instance name";
        return *ret || streq(r->type, "virtual-machine");
}

/* Before the body: what can be refused is refused here. */
static void begin(Request *r, const char *method) {
        uint64_t n = content_length(r);
        const char *text = NULL;
        int x;

        r->begun = true;
        r->method = method;
        if (n > 0)
                (void) MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, TRANSFER_SEC);

        if (r->target_error < 0)
                (void) reply_error(r, r->target_error == -ENOMEM ? 500 : 400, "The request target is malformed");
        else if ((x = route_find(r, method)) < 0)
                reply_no_route(r, method, x);
        else if (names_no_instance(r, &text))
                (void) reply_error(r, text ? 400 : 404, text ?: "Instance not found");
        else if (!object_name_is_valid(r->project))
                (void) reply_error(r, 400, "Invalid project name");
        else if (!isempty(request_parameter(r, "target")) && !streq(request_parameter(r, "target"), "none") && !streq(method, "GET"))
                (void) reply_error(r, 400, "Target only allowed when clustered");
        else if (r->route->body == BODY_JSON && n != UINT64_MAX && n > JSON_BODY_MAX)
                (void) reply_error(r, 413, "The body is larger than 4 MiB");
        else if (r->route->body == BODY_STREAM)
                run_handler(r);

        /* An answer before the end of the request closes the connection, which a client may notice before it reads the answer: only to
         * save us from a body that is too large to be read for nothing. */
        r->discard = r->response && n <= JSON_BODY_MAX;
}

/* Is the answer to be given before the body is read? (libmicrohttpd takes no answer in the middle of a body.) */
static bool answers_at_once(Request *r) {
        return r->response && !r->discard && !r->stream;
}

static int body_add(Request *r, const char *data, size_t n) {
        if (r->body_size + n > JSON_BODY_MAX) {
                r->large = true;
                return 0;
        }
        if (r->body_size + n > r->body_allocated) {
                size_t want = MAX(r->body_allocated * 2, r->body_size + n);
                char *more = realloc(r->body, want);

                if (!more)
                        return -ENOMEM;
                r->body = more;
                r->body_allocated = want;
        }
        memcpy(r->body + r->body_size, data, n);
        r->body_size += n;
        return 0;
}

/* BODY_EITHER: is this body JSON? By its type, else by its first character. */
static bool body_is_json(Request *r, const char *data, size_t n) {
        const char *type = request_header(r, MHD_HTTP_HEADER_CONTENT_TYPE);

        if (type && startswith(type, "application/json"))
                return true;
        if (type && (startswith(type, "application/octet-stream") || startswith(type, "multipart/")))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!strchr(" \t\r\n", data[i]))
                        return data[i] == '{' || data[i] == '[';
        return true;
}

static enum MHD_Result take_body(Request *r, const char *data, size_t *n) {
        if (r->route && r->route->body == BODY_EITHER && !r->stream && r->body_size == 0 && !r->discard &&
            !body_is_json(r, data, *n)) {
                run_handler(r);
                r->discard = !r->stream;
        }
        if (r->stream) {
                *n -= body_stream_write(r->stream, data, *n);
                if (*n > 0)
                        request_suspend(r);
                return MHD_YES;
        }
        if (!r->discard && !r->large && r->route && r->route->body != BODY_NONE && body_add(r, data, *n) < 0)
                return MHD_NO;
        *n = 0;
        return MHD_YES;
}

static void end_of_body(Request *r) {
        if (r->stream) {
                r->stream = body_stream_finish(r->stream);
                return; /* the handler has run; its answer is there, or comes */
        }
        if (r->large)
                (void) reply_error(r, 413, "The body is larger than 4 MiB");
        else
                run_handler(r);
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n, void **request) {
        Request *r = *request;
        Http *h = userdata;

        if (!r)
                return MHD_NO;
        if (!r->begun) {
                begin(r, method);
                if (answers_at_once(r))
                        return queue_answer(r);
                return MHD_YES;
        }
        if (*n > 0)
                return take_body(r, data, n);

        if (!r->ended) {
                r->ended = true;
                if (!r->response || r->stream)
                        end_of_body(r);
        }
        if (r->response)
                return queue_answer(r);
        r->next_waiting = h->waiting;
        h->waiting = request_ref(r);
        return MHD_YES;
}

/* Suspends what waits for its answer, now that libmicrohttpd has seen that there is none yet and reads no more from the client: suspended inside of
 * on_request(), it would read when it goes on, and take the end of what the client sends (socat's, as soon as the request is sent) for the client's end. */
static void suspend_waiting(Http *h) {
        while (h->waiting) {
                Request *r = h->waiting;

                h->waiting = r->next_waiting;
                if (r->connection)
                        request_suspend(r);
                request_unref(r);
        }
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode code) {
        Request *r = *request;

        if (!r)
                return;
        *request = NULL;
        hold(connection_of(connection), false);
        /* For a connection that was a websocket this is called with a lock held that the call below wants. */
        if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK && r->status != MHD_HTTP_SWITCHING_PROTOCOLS)
                (void) MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, IDLE_SEC);
        request_detach(r);
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code) {
        Http *h = userdata;

        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                Connection *c = calloc(1, sizeof(*c));

                h->connections++;
                if (c)
                        c->http = h;
                *context = c;
                hold(c, true);
        } else {
                hold(*context, false);
                *context = (free(*context), NULL);
                h->connections--;
                h->last = now_monotonic();
        }
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata);

/* One round of libmicrohttpd, and when it wants the next. Connection timeouts only ever move on, so an armed timer that is early is
 * left alone: arming it anew with each request would cost a system call each. */
static void run(Http *h) {
        MHD_UNSIGNED_LONG_LONG ms;
        uint64_t armed, due;
        int enabled;

        (void) MHD_run(h->daemon);
        suspend_waiting(h);
        if (MHD_get_timeout(h->daemon, &ms) != MHD_YES) {
                (void) sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
                return;
        }
        if (ms == 0) { /* more to do, but others have their turn first */
                http_kick(h);
                return;
        }
        due = now_monotonic() + ms * USEC_PER_MSEC;
        if (sd_event_source_get_enabled(h->timer, &enabled) >= 0 && enabled != SD_EVENT_OFF &&
            sd_event_source_get_time(h->timer, &armed) >= 0 && armed <= due)
                return;
        (void) sd_event_source_set_time(h->timer, due);
        (void) sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        run(userdata);
        return 0;
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        run(userdata);
        return 0;
}

static int on_kick(sd_event_source *s, void *userdata) {
        run(userdata);
        return 0;
}

void http_kick(Http *h) {
        (void) sd_event_source_set_enabled(h->kick, SD_EVENT_ONESHOT);
}

int http_new(Manager *m, Http **ret) {
        _cleanup_(http_freep) Http *h = calloc(1, sizeof(*h));
        const union MHD_DaemonInfo *info;
        int r;

        if (!h)
                return -ENOMEM;
        h->manager = m;
        h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
                                             MHD_USE_ERROR_LOG,
                                     0, NULL, NULL, on_request, h,
                                     MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
                                     MHD_OPTION_URI_LOG_CALLBACK, on_uri, h,
                                     MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, h,
                                     MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
                                     MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                                     MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
                                     MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SEC,
                                     MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                     MHD_OPTION_END);
        if (!h->daemon)
                return -ENOTRECOVERABLE;

        info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        if (!info)
                return -ENOTRECOVERABLE;
        r = sd_event_add_io(m->event, &h->io, info->epoll_fd, EPOLLIN, on_io, h);
        if (r >= 0)
                r = sd_event_add_time(m->event, &h->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_timer, h);
        if (r >= 0)
                r = sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(m->event, &h->kick, on_kick, h);
        if (r >= 0)
                r = sd_event_source_set_enabled(h->kick, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

void http_stop_listening(Http *h) {
        for (Listener *l = h->listeners; l; l = h->listeners) {
                h->listeners = l->next;
                sd_event_source_disable_unref(l->io);
                close_safe(l->fd);
                free(l);
        }
}

Http *http_free(Http *h) {
        if (!h)
                return NULL;

        http_stop_listening(h);
        /* libmicrohttpd wants to see every suspended connection again before it stops. */
        for (Request *r = h->requests; r; r = r->next)
                request_abandon(r);
        if (h->daemon)
                MHD_stop_daemon(h->daemon);
        while (h->requests) /* held by calls whose answers will not come any more */
                request_forget(h->requests);
        sd_event_source_disable_unref(h->io);
        sd_event_source_disable_unref(h->timer);
        sd_event_source_disable_unref(h->kick);
        free(h);
        return NULL;
}

int http_add_connection(Http *h, int fd) {
        struct sockaddr_storage address = { .ss_family = AF_UNIX };
        socklen_t n = sizeof(address);

        (void) getpeername(fd, (struct sockaddr*) &address, &n);
        if (address.ss_family == AF_UNIX)
                n = sizeof(sa_family_t);
        /* Closes fd when it fails. */
        if (MHD_add_connection(h->daemon, fd, (struct sockaddr*) &address, n) != MHD_YES)
                return errno > 0 ? -errno : -EIO;
        http_kick(h);
        return 0;
}

static int on_accept(sd_event_source *s, int listening, uint32_t events, void *userdata) {
        Listener *l = userdata;

        for (unsigned i = 0; i < 64; i++) {
                int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), r;

                if (fd < 0) {
                        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                                log_warning_errno(-errno, "Failed to accept a connection: %m");
                        return 0;
                }
                r = http_add_connection(l->http, fd);
                if (r < 0)
                        log_warning_errno(r, "Failed to serve a connection: %m");
        }
        return 0;
}

int http_listen(Http *h, int fd) {
        _cleanup_close_ int mine = fd;
        _cleanup_free_ Listener *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        r = fd_set_nonblock(fd, true);
        if (r >= 0)
                r = sd_event_add_io(h->manager->event, &l->io, fd, EPOLLIN, on_accept, l);
        if (r < 0)
                return r;
        l->http = h;
        l->fd = TAKE_FD(mine);
        l->next = h->listeners;
        h->listeners = TAKE_PTR(l);
        return 0;
}

unsigned http_connections(Http *h) {
        return h->connections;
}

bool http_rests(Http *h) {
        return h->connections == 0 && (h->last == 0 || now_monotonic() - h->last >= REST_USEC);
}

int http_addresses(Http *h, Strv *ret) {
        _cleanup_strv_free_ Strv list = NULL;

        for (Listener *l = h->listeners; l; l = l->next) {
                struct sockaddr_un address = {};
                socklen_t n = sizeof(address) - 1;
                int r;

                if (getsockname(l->fd, (struct sockaddr*) &address, &n) < 0 || address.sun_family != AF_UNIX)
                        continue;
                r = strv_extend(&list, address.sun_path);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        return 0;
}
