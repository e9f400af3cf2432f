/* SPDX-License-Identifier: Apache-2.0 */
/* LXD's REST API for the tools: calls, answers, errors, paths. */
#pragma once

#include <json-c/json.h>

#include "http.h"
#include "text.h"

/* One server. A tool has one, on its stack in main(). */
typedef struct Client {
        char *socket_path;
        char *project;                  /* NULL: the default one */
        bool quiet;                     /* no progress lines */
        bool debug;                     /* requests and answers go to stderr */
        HttpConnection *connection;     /* kept between calls, NULL when there is none */
} Client;

/* Finds the socket: LXD_SOCKET, else unix.socket below LXD_DIR, else below /var/lib/lxd. */
void client_init(Client *c);
void client_done(Client *c);

/* The server's answer. */
typedef struct Reply {
        unsigned status;                /* of HTTP */
        struct json_object *document;   /* the whole envelope; NULL if the body is not JSON */
        struct json_object *metadata;   /* inside document, not a reference of its own; may be NULL */
        char *operation;                /* "/1.0/operations/UUID" of an asynchronous answer, else NULL */
        char *etag;                     /* or NULL */
        Buffer body;                    /* as it came */
} Reply;

void reply_done(Reply *r);
#define _cleanup_reply_ _cleanup_(reply_done)

/* Calls the API. 'body' (may be NULL) is sent as JSON and not consumed. The client's project is added to the
 * query. 'etag' (may be NULL) makes the server refuse if the object has changed since. *ret must be empty.
 * Returns 0, or a negative errno with fail() set: the server's error (see server_error_code()), -ECONNREFUSED
 * and the like if there is no server, -EBADMSG if the answer is no LXD answer. */
int client_call(Client *c, const char *method, const char *path, struct json_object *body, const char *etag,
                Reply *ret);
int client_get(Client *c, const char *path, Reply *ret);

/* Like client_call() for requests and answers that are not JSON documents: own headers and parts, answer's head in
 * *ret_head; the body goes to 'sink' if the status is a success, else becomes the error. */
int client_transfer(Client *c, const HttpRequest *request, HttpHead *ret_head, HttpSink sink, void *userdata);

/* The same, but the answer is an LXD document. */
int client_send(Client *c, const HttpRequest *request, Reply *ret);

/* Makes a path of the API: "/1.0" and each segment, percent encoded. NULL ends the list. Never fails. */
char *api_path(const char *segment, ...) __attribute__((sentinel));

/* Appends "?key=value" or "&key=value"; nothing if value is NULL. */
void api_query(char **path, const char *key, const char *value);

/* Adds the client's project to the query. */
void client_add_project(Client *c, char **path);

/* Percent-encodes everything but letters, digits and "-._~". */
char *api_escape(const char *s);

/* Sets fail() for a connection that could not be made or broke. Returns 'error'. */
int client_connection_failed(Client *c, int error);

/* Sends a request on *connection, or on a new one where there is none that is still good; the answer is left to the caller. Returns 0, or a
 * negative errno with fail() set, and then there is no connection. */
int client_begin(Client *c, HttpConnection **connection, const HttpRequest *request);

/* Reads an LXD document that is due on a connection. Returns 0 or as client_call(); but if the connection breaks,
 * that error without fail() being set. */
int client_read_reply(Client *c, HttpConnection *connection, Reply *ret);

/* Asks whether the server has an API extension. Returns 0, or -EOPNOTSUPP with fail() set, or as client_call(). */
int client_require_extension(Client *c, const char *extension);

/* Drops the kept connection. */
void client_disconnect(Client *c);
