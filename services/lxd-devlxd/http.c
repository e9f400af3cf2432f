/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 on the guest socket. */
#include "http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <sys/socket.h>

#include "answer.h"
#include "base/clock.h"
#include "events.h"
#include "export.h"
#include "log.h"
#include "lookup.h"

#define CONNECTIONS_MAX 4096U
#define CONNECTION_MEMORY ((size_t) 16 << 10)
#define IDLE_SEC 30U
#define TRANSFER_SEC 3600U /* a guest that is frozen in the middle of a download may go on later */

/* One connection: who is at the other end does not change on it. */
typedef struct Client {
        Http *http;
        Caller caller;
        int error; /* why the caller is not known, or 0 */
        struct Client *next;
} Client;

typedef struct Request {
        Http *http;
        Client *client;
        struct MHD_Connection *connection;
        char *path;
        Lookup *lookup;
        Export *export;
        Answer answer;    /* status 0: not there yet */
        struct MHD_Response *response; /* instead: files of an image */
        bool upgrade;     /* the answer is the event stream */
        bool begun, suspended;
        struct Request *next, **link; /* all requests of the Http */
} Request;

struct Http {
        Manager *manager;
        struct MHD_Daemon *daemon;
        sd_event_source *io, *timer, *kick, *listener;
        Client *clients;
        unsigned n_clients;
        Request *requests;
};

static int on_kick(sd_event_source *s, void *userdata);

static void http_kick(Http *h) {
        (void) sd_event_source_set_enabled(h->kick, SD_EVENT_ONESHOT);
}

static void printf_like(2, 0) on_log(void *userdata, const char *format, va_list ap) {
        char text[512];

        (void) vsnprintf(text, sizeof(text), format, ap);
        text[strcspn(text, "\n")] = '\0';
        log_debug("http: %s", text);
}

/* Those of the one who called; `served`: without those that are only told that there are too many. */
static unsigned count_connections(Http *h, const Caller *caller, int error, bool served) {
        unsigned n = 0;

        for (Client *c = h->clients; c; c = c->next) {
                bool known = c->error == 0 || c->error == -EBUSY;

                n += known == (error == 0) && (!known || c->caller.guest == caller->guest) && (!served || c->error == 0);
        }
        return n;
}

static Client *client_new(Http *h, struct MHD_Connection *connection) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        Client *c = calloc(1, sizeof(Client));

        if (!c)
                return NULL;
        c->http = h;
        c->error = info ? h->manager->identify(info->connect_fd, &c->caller) : -EBADF;
        if (c->error == 0 && count_connections(h, &c->caller, 0, true) >= HTTP_CONNECTIONS_PER_GUEST)
                c->error = -EBUSY;
        c->next = h->clients;
        h->clients = c;
        h->n_clients++;
        return c;
}

static void client_free(Client *c) {
        for (Client **p = &c->http->clients; *p; p = &(*p)->next)
                if (*p == c) {
                        *p = c->next;
                        c->http->n_clients--;
                        break;
                }
        free(c);
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code) {
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                *context = client_new(userdata, connection);
        else if (*context) {
                client_free(*context);
                *context = NULL;
        }
}

static enum MHD_Result queue_files(Request *q) {
        (void) MHD_set_connection_option(q->connection, MHD_CONNECTION_OPTION_TIMEOUT, TRANSFER_SEC);
        return MHD_queue_response(q->connection, MHD_HTTP_OK, q->response);
}

static enum MHD_Result queue_answer(Request *q) {
        static const char *const types[] = {
                [ANSWER_RAW] = "application/octet-stream",
                [ANSWER_JSON] = "application/json",
                [ANSWER_ERROR] = "text/plain; charset=utf-8",
        };
        struct MHD_Response *response;
        enum MHD_Result result;

        response = MHD_create_response_from_buffer(q->answer.size, q->answer.body, MHD_RESPMEM_MUST_COPY);
        if (!response)
                return MHD_NO;
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, types[q->answer.kind]);
        result = MHD_queue_response(q->connection, q->answer.status, response);
        MHD_destroy_response(response);
        return result;
}

static void request_set_error(Request *q, unsigned status, const char *text) {
        if (answer_make_error(status, text, &q->answer) < 0)
                q->answer.status = 0;
}

static void request_resume(Request *q) {
        if (!q->suspended)
                return;
        q->suspended = false;
        MHD_resume_connection(q->connection);
        http_kick(q->http);
}

static void on_exported(struct MHD_Response *response, unsigned status, const char *text, void *userdata) {
        Request *q = userdata;

        q->export = NULL;
        q->response = response;
        if (!response)
                request_set_error(q, status, text);
        request_resume(q);
}

/* 1: the files will come; 0: this is nothing to download; -errno. */
static int request_export(Request *q, const Guest *guest) {
        _cleanup_free_ char *fingerprint = NULL;
        int r = answer_is_export(q->path, guest, &fingerprint);

        if (r > 0)
                r = export_start(q->http->manager, guest->project, fingerprint, on_exported, q, &q->export);
        return r < 0 ? r : q->export != NULL;
}

static void on_looked_up(const Guest *guest, unsigned status, const char *text, void *userdata) {
        Request *q = userdata;
        int r = guest ? request_export(q, guest) : 0;

        q->lookup = NULL;
        if (r > 0)
                return;
        if (r < 0)
                request_set_error(q, 503, "the image service is not available, try again");
        else if (!guest)
                request_set_error(q, status, text);
        else if (answer_is_events(q->path))
                q->upgrade = true;
        else if (answer_make(q->path, guest, &q->answer) < 0)
                q->answer.status = 0;
        request_resume(q);
}

/* The first step: who, and may they. */
static enum MHD_Result request_begin(Request *q, const char *method) {
        int r;

        if (!streq(method, MHD_HTTP_METHOD_GET))
                request_set_error(q, 405, "Method Not Allowed");
        else if (!q->client || q->client->error == -EBUSY)
                request_set_error(q, 429, "too many connections from this instance");
        else if (q->client->error < 0)
                request_set_error(q, 500, "pid not in container?");
        else {
                r = lookup_start(q->http->manager, &q->client->caller, on_looked_up, q, &q->lookup);
                if (r < 0) {
                        log_warning_errno(r, "Cannot reach lxd-instanced: %m");
                        request_set_error(q, 503, "the instance service is not available, try again");
                } else {
                        q->suspended = true;
                        MHD_suspend_connection(q->connection);
                        return MHD_YES;
                }
        }
        return q->answer.status ? queue_answer(q) : MHD_NO;
}

static Request *request_new(Http *h, struct MHD_Connection *connection, const char *path) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        Request *q = calloc(1, sizeof(Request));

        if (!q)
                return NULL;
        *q = (Request) { .http = h, .connection = connection, .client = info ? info->socket_context : NULL, .path = strdup(path),
                         .next = h->requests, .link = &h->requests };
        if (!q->path) {
                free(q);
                return NULL;
        }
        if (q->next)
                q->next->link = &q->next;
        h->requests = q;
        return q;
}

static void request_free(Request *q) {
        *q->link = q->next;
        if (q->next)
                q->next->link = q->link;
        lookup_cancel(q->lookup);
        export_cancel(q->export);
        if (q->response)
                MHD_destroy_response(q->response);
        answer_done(&q->answer);
        free(q->path);
        free(q);
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n, void **context) {
        Request *q = *context;

        if (!q) {
                *context = request_new(userdata, connection, url);
                return *context ? MHD_YES : MHD_NO;
        }
        if (*n > 0) { /* nothing here takes a body */
                *n = 0;
                return MHD_YES;
        }
        if (!q->begun) {
                q->begun = true;
                return request_begin(q, method);
        }
        if (q->upgrade)
                return events_accept(q->http->manager->events, connection, q->client->caller.guest);
        if (q->response)
                return queue_files(q);
        return q->answer.status ? queue_answer(q) : MHD_NO;
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code) {
        if (*context)
                request_free(*context);
        *context = NULL;
}

static void run(Http *h) {
        MHD_UNSIGNED_LONG_LONG ms;

        (void) MHD_run(h->daemon);
        if (MHD_get_timeout(h->daemon, &ms) != MHD_YES) {
                (void) sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_source_set_time(h->timer, now_monotonic() + ms * USEC_PER_MSEC);
        (void) sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        run(userdata);
        return 0;
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        run(userdata);
        return 0;
}

static int on_kick(sd_event_source *s, void *userdata) {
        run(userdata);
        return 0;
}

int http_new(Manager *m, Http **ret) {
        _cleanup_(http_freep) Http *h = calloc(1, sizeof(Http));
        const union MHD_DaemonInfo *info;
        int r;

        if (!h)
                return -ENOMEM;
        h->manager = m;
        h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
                                             MHD_USE_ERROR_LOG,
                                     0, NULL, NULL, on_request, h,
                                     MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
                                     MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
                                     MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                                     MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
                                     MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SEC,
                                     MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                     MHD_OPTION_END);
        info = h->daemon ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
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

Http *http_free(Http *h) {
        if (!h)
                return NULL;
        sd_event_source_disable_unref(h->listener);
        if (h->daemon) {
                /* libmicrohttpd wants to see every request that waits again before it stops. */
                for (Request *q = h->requests; q; q = q->next)
                        if (q->suspended) {
                                lookup_cancel(q->lookup);
                                export_cancel(q->export);
                                q->lookup = NULL;
                                q->export = NULL;
                                request_set_error(q, 503, "the service is stopping, try again");
                                request_resume(q);
                        }
                MHD_stop_daemon(h->daemon);
        }
        sd_event_source_disable_unref(h->io);
        sd_event_source_disable_unref(h->timer);
        sd_event_source_disable_unref(h->kick);
        free(h);
        return NULL;
}

int http_add_connection(Http *h, int fd) {
        struct sockaddr address = { .sa_family = AF_UNIX };
        Caller caller = {};
        int error = h->manager->identify(fd, &caller);

        if (count_connections(h, &caller, error, false) >= HTTP_CONNECTIONS_HELD) {
                (void) close(fd);
                return -EBUSY;
        }
        if (MHD_add_connection(h->daemon, fd, &address, sizeof(sa_family_t)) != MHD_YES) /* closes fd when it fails */
                return errno > 0 ? -errno : -EIO;
        http_kick(h);
        return 0;
}

static int on_accept(sd_event_source *s, int listening, uint32_t revents, void *userdata) {
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), r;

        if (fd < 0) {
                if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                        log_warning_errno(-errno, "Failed to accept a connection: %m");
                return 0;
        }
        r = http_add_connection(userdata, fd);
        if (r < 0 && r != -EBUSY)
                log_warning_errno(r, "Failed to serve a connection: %m");
        return 0;
}

int http_listen(Http *h, int fd) {
        int r = sd_event_add_io(h->manager->event, &h->listener, fd, EPOLLIN, on_accept, h);

        return r < 0 ? r : sd_event_source_set_io_fd_own(h->listener, true);
}

unsigned http_connections(Http *h) {
        return h->n_clients;
}
