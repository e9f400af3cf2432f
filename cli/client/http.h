/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 connection to a unix socket. */
#pragma once

#include "http-parse.h"
#include "text.h"

/* Why not libcurl: starting a program that links it and makes one handle takes 6.9 ms here, one that links
 * json-c 0.7 ms (medians of 60), and a whole local "lxc exec true" is to take less than that. What LXD needs of
 * HTTP on a unix socket is what http-parse.h does. Servers over https are to load libcurl when one is used. */

typedef struct HttpConnection HttpConnection;

/* One stretch of a request's body: memory, or a descriptor read from its offset if 'data' is NULL. */
typedef struct HttpPart {
        const void *data;
        uint64_t size;                  /* bytes; HTTP_SIZE_UNKNOWN: until the descriptor's end (sent in chunks) */
        int fd;
} HttpPart;

#define HTTP_SIZE_UNKNOWN UINT64_MAX

typedef struct HttpRequest {
        const char *method, *path;
        char *const *headers;           /* "Name: value", NULL terminated; NULL: none */
        const HttpPart *parts;          /* the body, in order */
        size_t n_parts;
        /* Called now and then while the body is sent; may be NULL. */
        void (*progress)(void *userdata, uint64_t sent, uint64_t total);
        void *userdata;
} HttpRequest;

/* Takes bytes of a body. Returns 0, or a negative errno which ends the transfer. */
typedef int (*HttpSink)(void *userdata, const void *data, size_t n);

/* Connects. Returns 0 and the connection, or -errno of socket() and connect(), -ENAMETOOLONG. */
int http_connect(const char *socket_path, HttpConnection **ret);
HttpConnection *http_free(HttpConnection *c);
DEFINE_CLEANUP(HttpConnection, http_free)

/* True if another request can be sent: the last answer was read to its end, and the server keeps and has not
 * closed the connection. */
bool http_is_reusable(HttpConnection *c);

/* Sends a request. If the server answers before it has all of the body, the rest is not sent and 0 is
 * returned. Returns 0, -EINTR if the interrupt callback said so, -errno of the socket or the descriptor. */
int http_send(HttpConnection *c, const HttpRequest *request);

/* Reads the head of the answer (100 Continue is skipped). Returns 0, -ENODATA: the server closed the
 * connection without a byte, -ECONNRESET: in the middle, -EBADMSG, -E2BIG: see http_head_parse(), -EINTR, -errno. */
int http_read_head(HttpConnection *c, HttpHead *ret);

/* Reads the body to its end into the sink. Returns 0, -ECONNRESET, -EBADMSG, -EINTR, -errno, what the sink says. */
int http_read_body(HttpConnection *c, HttpSink sink, void *userdata);

/* A sink that appends to the Buffer which is its userdata. */
int http_sink_buffer(void *userdata, const void *data, size_t n);

/* Called when a signal interrupts waiting: a negative result ends the call with it. NULL: signals are ignored. */
void http_set_interrupt(HttpConnection *c, int (*interrupt)(void *userdata), void *userdata);

/* The socket, and the bytes that were read behind the head, for a protocol switch. The connection keeps both. */
int http_fd(HttpConnection *c);
Buffer *http_leftover(HttpConnection *c);
