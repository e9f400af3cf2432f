/* SPDX-License-Identifier: Apache-2.0 */
/* A minimal HTTP/1.1 client over a unix socket, apart from the product's own so that it measures both peers alike. */
#pragma once

#include <stddef.h>

typedef struct Http {
        int fd;                 /* -1: not connected */
        char *buffer;           /* what was read and not used yet */
        size_t n, size;
} Http;

/* Connects to the socket. Returns 0, or -errno of socket() and connect(). */
int http_open(Http *h, const char *path);
void http_close(Http *h);

/* Sends a request (headers: complete lines, each ending in CRLF, or NULL; body may be NULL) and reads the answer whole.
 * *ret_body is NUL-terminated and the caller's to free; NULL ret_body drops it. Returns the HTTP status,
 * or -errno, -EBADMSG when the answer is not HTTP. The connection is closed when the server says so. */
int http_request(Http *h, const char *method, const char *path, const char *headers, const void *body, size_t n_body,
                 char **ret_body, size_t *ret_size);

/* Asks for a websocket on the path. Returns 0 once the server has switched, -EPROTO when it refuses, or -errno. */
int http_upgrade(Http *h, const char *path);
