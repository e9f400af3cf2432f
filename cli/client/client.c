/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of LXD's REST API over the local socket. */

#include <ctype.h>
#include <stdio.h>

#include "client.h"
#include "fail.h"
#include "json-value.h"
#include "server-error.h"

void client_init(Client *c) {
        const char *path = getenv("LXD_SOCKET"), *dir = getenv("LXD_DIR");

        *c = (Client) {};
        c->socket_path = !isempty(path) ? xstrdup(path) :
                         xformat("%s/unix.socket", !isempty(dir) ? dir : LXD_STATE_DIR);
}

void client_done(Client *c) {
        client_disconnect(c);
        free(c->socket_path);
        free(c->project);
        *c = (Client) {};
}

void client_disconnect(Client *c) {
        c->connection = http_free(c->connection);
}

void reply_done(Reply *r) {
        json_object_put(r->document);
        free(r->operation);
        free(r->etag);
        buffer_done(&r->body);
        *r = (Reply) {};
}

int client_connection_failed(Client *c, int error) {
        switch (error) {
        case -EINTR:
                return fail(error, "Interrupted");

        case -ENODATA:
        case -ECONNRESET:
                (void) fail(error, "LXD closed the connection before it had answered");
                fail_hint("Look at its journal: journalctl -u 'lxd*' -e");
                return error;

        case -EBADMSG:
        case -E2BIG:
                return fail(error, "What answers at %s does not speak HTTP as LXD does", c->socket_path);

        case -ENOENT:
        case -ECONNREFUSED:
                (void) fail(error, "Cannot connect to LXD at %s: %s", c->socket_path, strerror(-error));
                fail_hint("Is LXD running? Try: systemctl start lxd.socket");
                return error;

        case -EACCES:
        case -EPERM:
                (void) fail(error, "Cannot connect to LXD at %s: %s", c->socket_path, strerror(-error));
                fail_hint("Members of the group \"lxd\" may: add yourself with \"usermod -aG lxd USER\" and log in anew");
                return error;

        default:
                return fail(error, "Cannot talk to LXD at %s: %s", c->socket_path, strerror(-error));
        }
}

char *api_escape(const char *s) {
        Buffer b = {};

        for (; *s; s++)
                if (isalnum((unsigned char) *s) || strchr("-._~", *s))
                        buffer_putc(&b, *s);
                else
                        buffer_printf(&b, "%%%02X", (unsigned char) *s);
        if (!b.data)
                buffer_puts(&b, "");
        return b.data;
}

char *api_path(const char *segment, ...) {
        Buffer b = {};
        va_list ap;

        buffer_puts(&b, "/1.0");
        va_start(ap, segment);
        for (const char *s = segment; s; s = va_arg(ap, const char *)) {
                _cleanup_free_ char *escaped = api_escape(s);
                buffer_printf(&b, "/%s", escaped);
        }
        va_end(ap);
        return b.data;
}

void api_query(char **path, const char *key, const char *value) {
        _cleanup_free_ char *escaped = NULL, *old = *path;

        if (!value) {
                old = NULL;
                return;
        }
        escaped = api_escape(value);
        *path = xformat("%s%c%s=%s", old, strchr(old, '?') ? '&' : '?', key, escaped);
}

void client_add_project(Client *c, char **path) {
        if (c->project && !streq(c->project, "default") && !strstr(*path, "project="))
                api_query(path, "project", c->project);
}

int client_begin(Client *c, HttpConnection **connection, const HttpRequest *request) {
        int r;

        if (*connection && !http_is_reusable(*connection))
                *connection = http_free(*connection);
        if (!*connection) {
                r = http_connect(c->socket_path, connection);
                if (r < 0)
                        return client_connection_failed(c, r);
        }

        if (c->debug)
                fprintf(stderr, "DEBUG  %s %s\n", request->method, request->path);

        r = http_send(*connection, request);
        if (r >= 0)
                return 0;
        *connection = http_free(*connection);
        return r == -ENODATA ? fail(r, "The file became shorter while it was being sent") : client_connection_failed(c, r);
}

/* Sends on the kept connection and reads the head of the answer. */
static int client_exchange(Client *c, const HttpRequest *request, HttpHead *ret) {
        int r;

        r = client_begin(c, &c->connection, request);
        if (r < 0)
                return r;
        r = http_read_head(c->connection, ret);
        if (r < 0) {
                client_disconnect(c);
                return client_connection_failed(c, r);
        }
        return 0;
}

int client_transfer(Client *c, const HttpRequest *request, HttpHead *ret_head, HttpSink sink, void *userdata) {
        _cleanup_(http_head_done) HttpHead head = {};
        _cleanup_buffer_ Buffer error = {};
        bool ok;
        int r;

        r = client_exchange(c, request, &head);
        if (r < 0)
                return r;

        ok = head.status >= 200 && head.status < 300;
        /* The sink may want to know the head before the first byte. */
        if (ok && ret_head) {
                *ret_head = head;
                head = (HttpHead) {};
        }

        r = http_read_body(c->connection, ok ? sink : http_sink_buffer, ok ? userdata : &error);
        if (r < 0) {
                client_disconnect(c);
                return fail_text() ? r : client_connection_failed(c, r);
        }
        return ok ? 0 : server_error(head.status, &error);
}

/* Makes the reply of a successful answer's head and body, and takes the body over. */
static int make_reply(Client *c, const HttpHead *head, Buffer *body, Reply *ret) {
        _cleanup_reply_ Reply reply = {
                .status = head->status,
                .etag = xstrdup(http_head_get(head, "ETag")),
                .body = *body,
        };
        struct json_object *type = NULL, *value = NULL;

        *body = (Buffer) {};
        if (c->debug)
                fprintf(stderr, "DEBUG  %u %s\n", reply.status, strempty(reply.body.data));

        reply.document = reply.body.data ? json_tokener_parse(reply.body.data) : NULL;
        if (!json_object_object_get_ex(reply.document, "type", &type))
                return fail(-EBADMSG, "The answer of the server is not an answer of LXD (HTTP status %u)", reply.status);

        (void) json_object_object_get_ex(reply.document, "metadata", &reply.metadata);
        if (streq(strempty(json_object_get_string(type)), "async") &&
            json_object_object_get_ex(reply.document, "operation", &value))
                reply.operation = xstrdup(json_object_get_string(value));

        *ret = reply;
        reply = (Reply) {};
        return 0;
}

int client_read_reply(Client *c, HttpConnection *connection, Reply *ret) {
        _cleanup_(http_head_done) HttpHead head = {};
        _cleanup_buffer_ Buffer body = {};
        int r;

        r = http_read_head(connection, &head);
        if (r >= 0)
                r = http_read_body(connection, http_sink_buffer, &body);
        if (r < 0)
                return r;
        if (head.status < 200 || head.status >= 300)
                return server_error(head.status, &body);
        return make_reply(c, &head, &body, ret);
}

int client_send(Client *c, const HttpRequest *request, Reply *ret) {
        _cleanup_(http_head_done) HttpHead head = {};
        _cleanup_buffer_ Buffer body = {};
        int r;

        r = client_transfer(c, request, &head, http_sink_buffer, &body);
        return r < 0 ? r : make_reply(c, &head, &body, ret);
}

int client_call(Client *c, const char *method, const char *path, struct json_object *body, const char *etag,
                Reply *ret) {
        _cleanup_free_ char *full = xstrdup(path);
        _cleanup_list_ char **headers = NULL;
        HttpPart part = {};

        client_add_project(c, &full);
        if (body) {
                part.data = json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
                part.size = strlen(part.data);
                list_append(&headers, xstrdup("Content-Type: application/json"));
                if (c->debug)
                        fprintf(stderr, "DEBUG  %s\n", (const char*) part.data);
        }
        if (etag)
                list_append(&headers, xformat("If-Match: %s", etag));

        return client_send(c, &(HttpRequest) {
                .method = method,
                .path = full,
                .headers = headers,
                .parts = &part,
                .n_parts = body ? 1 : 0,
        }, ret);
}

int client_get(Client *c, const char *path, Reply *ret) {
        return client_call(c, "GET", path, NULL, NULL, ret);
}

int client_require_extension(Client *c, const char *extension) {
        _cleanup_reply_ Reply reply = {};
        struct json_object *list;
        int r;

        r = client_get(c, "/1.0", &reply);
        if (r < 0)
                return r;
        list = jget(reply.metadata, "api_extensions");
        for (size_t i = 0; i < jlen(list); i++)
                if (streq(jstr_at(list, i), extension))
                        return 0;
        return fail(-EOPNOTSUPP, "The server is missing the required \"%s\" API extension", extension);
}
