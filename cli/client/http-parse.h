/* SPDX-License-Identifier: Apache-2.0 */
/* Parses HTTP/1.1 responses, strictly: heads, and bodies by length, by chunks or until the end of the
 * connection. Pure: no sockets here. */
#pragma once

#include <sys/types.h>

#include "base/macro.h"

#define HTTP_HEAD_MAX (64U * 1024U)
#define HTTP_HEADERS_MAX 64U

typedef struct HttpHeader {
        const char *name, *value;
} HttpHeader;

/* A parsed head. A zeroed one is empty; http_head_done() frees it. */
typedef struct HttpHead {
        unsigned status;                /* 100..599 */
        bool keep_alive;
        bool chunked;
        bool has_length;
        uint64_t length;                /* bytes of the body, if has_length */
        HttpHeader headers[HTTP_HEADERS_MAX];
        size_t n_headers;
        char *text;                     /* what the headers point into */
} HttpHead;

void http_head_done(HttpHead *h);

/* Finds the end of a head. Returns its length with the empty line, 0 if more bytes are needed, -E2BIG if the
 * head is longer than HTTP_HEAD_MAX. */
ssize_t http_head_length(const char *data, size_t size);

/* Parses the 'size' bytes of one head. *ret must be empty. Returns 0, -EBADMSG: not an HTTP/1.0 or 1.1 response
 * head, contradicting lengths, folded lines, or control characters; -E2BIG: too many headers; -ENOMEM. */
int http_head_parse(const char *data, size_t size, HttpHead *ret);

/* Value of the first header of that name (case does not matter), or NULL. */
const char *http_head_get(const HttpHead *h, const char *name);

typedef enum HttpBodyState {
        HTTP_BODY_LENGTH,
        HTTP_BODY_UNTIL_EOF,
        HTTP_BODY_CHUNK_SIZE,
        HTTP_BODY_CHUNK_DATA,
        HTTP_BODY_CHUNK_END,
        HTTP_BODY_TRAILER,
        HTTP_BODY_DONE,
} HttpBodyState;

/* Decodes the body behind a head. */
typedef struct HttpBody {
        HttpBodyState state;
        uint64_t remaining;             /* bytes left of the body or of this chunk */
        unsigned line;                  /* bytes seen of a chunk size line or of a trailer line */
        bool digits;                    /* a size has begun */
        bool extension;                 /* behind ';' of a chunk size line */
        bool cr;                        /* the last byte was CR */
        unsigned trailer;               /* bytes of all trailers */
} HttpBody;

/* 'no_body': the request was HEAD, so there is none whatever the head says. */
void http_body_begin(HttpBody *b, const HttpHead *head, bool no_body);

/* Looks at 'size' bytes, takes *ret_used of them and gives the content found among them as *ret_data,
 * *ret_size (points into 'data'; may be empty). To be called until it has used all or the body is done.
 * Returns 1 when the body is complete, 0 when it needs more, -EBADMSG if the chunking is broken. */
int http_body_feed(HttpBody *b, const char *data, size_t size, size_t *ret_used, const char **ret_data,
                   size_t *ret_size);

/* The connection ended. Returns 0 if that is how this body ends, else -ECONNRESET. */
int http_body_eof(HttpBody *b);
