/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the life of a request: what it asked for, waiting, being let go. */

#include <pwd.h>
#include <sys/socket.h>

#include "body-stream.h"
#include "bus-error.h"
#include "http.h"
#include "json-args.h"
#include "reply.h"
#include "request-private.h"

Request *request_new(Manager *m, Request **list, struct MHD_Connection *connection, const char *uri) {
        Request *r = calloc(1, sizeof(*r));

        if (!r)
                return NULL;
        *r = (Request) { .manager = m, .refs = 1, .connection = connection, .type = "", .next = *list, .link = list };
        r->target_error = target_parse(uri, &r->target);
        r->project = target_parameter(&r->target, "project") ?: "default";
        if (*list)
                (*list)->link = &r->next;
        *list = r;
        return r;
}

static void request_free(Request *r) {
        *r->link = r->next;
        if (r->next)
                r->next->link = r->link;

        sd_event_source_disable_unref(r->hangup);
        body_stream_free(r->stream);
        if (r->waiting && r->free_waiting)
                r->free_waiting(r->waiting);
        if (r->response && !r->borrowed)
                MHD_destroy_response(r->response);
        (void) json_body_free(r->json);
        requestor_done(&r->requestor);
        target_done(&r->target);
        free(r->location);
        free(r->etag);
        free(r->body);
        free(r);
}

Request *request_ref(Request *r) {
        r->refs++;
        return r;
}

Request *request_unref(Request *r) {
        if (r && --r->refs == 0)
                request_free(r);
        return NULL;
}

void request_forget(Request *r) {
        request_free(r);
}

void request_detach(Request *r) {
        r->connection = NULL;
        r->suspended = false;
        r->hangup = sd_event_source_disable_unref(r->hangup);
        r->stream = body_stream_free(r->stream); /* not finished: its reader learns that */
        request_unref(r);
}

static int on_hangup(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Request *r = userdata;

        (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        request_ref(r);
        if (r->on_hangup)
                r->on_hangup(r);
        request_unref(r);
        return 0;
}

void request_suspend(Request *r) {
        const union MHD_ConnectionInfo *info;

        MHD_suspend_connection(r->connection);
        r->suspended = true;

        /* libmicrohttpd does not look at a suspended connection: see for ourselves whether the client leaves. One who has only said all that he
         * has to say (EPOLLRDHUP) does not. */
        if (!r->on_hangup)
                return;
        request_hold(r, false); /* it may be long, and the client can ask again */
        info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info)
                (void) sd_event_add_io(r->manager->event, &r->hangup, info->connect_fd, EPOLLHUP, on_hangup, r);
}

void request_continue(Request *r) {
        if (!r->suspended || !r->connection)
                return;
        r->suspended = false;
        r->hangup = sd_event_source_disable_unref(r->hangup);
        request_hold(r, true);
        MHD_resume_connection(r->connection);
        http_kick(r->manager->http);
}

void request_resume(Request *r) {
        request_continue(r);
}

void request_abandon(Request *r) {
        if (!r->suspended)
                return;
        if (!r->response)
                (void) reply_error(r, 503, "The server is shutting down");
        request_continue(r);
}

const char *request_parameter(Request *r, const char *name) {
        return target_parameter(&r->target, name);
}

bool request_parameter_is_true(Request *r, const char *name) {
        return str_is_true(request_parameter(r, name));
}

uint32_t request_recursion(Request *r) {
        uint32_t n;

        return parse_u32(strempty(request_parameter(r, "recursion")), &n) < 0 ? 0 : MIN(n, 2U);
}

int request_check_target(Request *r, sd_bus_error *error) {
        const char *target = strempty(request_parameter(r, "target"));

        if (isempty(target) || streq(target, "none"))
                return 0;
        return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Cluster member not found");
}

const char *request_header(Request *r, const char *name) {
        return r->connection ? MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name) : NULL;
}

const char *request_etag(Request *r) {
        const char *value = strempty(request_header(r, MHD_HTTP_HEADER_IF_MATCH));
        size_t n = strlen(value);

        if (n >= 2 && value[0] == '"' && value[n - 1] == '"' && !r->etag)
                r->etag = strndup(value + 1, n - 2);
        if (r->etag)
                return r->etag;
        return streq(value, "*") ? "" : value;
}

const Requestor *request_requestor(Request *r) {
        const union MHD_ConnectionInfo *info;
        struct passwd entry, *found = NULL;
        struct ucred peer = {};
        socklen_t n = sizeof(peer);
        char text[1024];

        if (r->requestor.protocol || !r->connection)
                return &r->requestor;

        info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) >= 0) {
                if (peer.uid == 0)
                        (void) str_replace(&r->requestor.user, "root");
                else if (getpwuid_r(peer.uid, &entry, text, sizeof(text), &found) == 0 && found)
                        (void) str_replace(&r->requestor.user, found->pw_name);
                else
                        (void) str_format(&r->requestor.user, "%u", (unsigned) peer.uid);
        }
        (void) str_replace(&r->requestor.protocol, "unix");
        (void) str_replace(&r->requestor.address, "@");
        return &r->requestor;
}

int request_json(Request *r, json_object **ret, sd_bus_error *error) {
        int x;

        if (!r->json) {
                x = json_body_parse(strempty(r->body), r->body_size, &r->json, error);
                if (x < 0)
                        return x;
        }
        *ret = r->json;
        return 0;
}
