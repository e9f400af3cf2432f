/* SPDX-License-Identifier: Apache-2.0 */
/* A minimal HTTP/1.1 client over a unix socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http.h"

int http_open(Http *h, const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int r;

        *h = (Http) { .fd = -1 };
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        h->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (h->fd < 0)
                return -errno;
        if (connect(h->fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
                r = -errno;
                http_close(h);
                return r;
        }
        return 0;
}

void http_close(Http *h) {
        if (h->fd >= 0)
                close(h->fd);
        free(h->buffer);
        *h = (Http) { .fd = -1 };
}

static int send_all(Http *h, const char *data, size_t n) {
        while (n > 0) {
                ssize_t k = send(h->fd, data, n, MSG_NOSIGNAL);
                if (k < 0)
                        return -errno;
                data += k;
                n -= k;
        }
        return 0;
}

/* Reads once; 0 at the end of the stream. */
static ssize_t fill(Http *h) {
        ssize_t k;

        if (h->size - h->n < 65536) {
                size_t size = h->size * 2 + 131072;
                char *p = realloc(h->buffer, size);
                if (!p)
                        return -ENOMEM;
                h->buffer = p;
                h->size = size;
        }
        k = recv(h->fd, h->buffer + h->n, h->size - h->n - 1, 0);
        if (k < 0)
                return -errno;
        h->n += k;
        h->buffer[h->n] = '\0';
        return k;
}

static int fill_to(Http *h, size_t n) {
        while (h->n < n) {
                ssize_t k = fill(h);
                if (k < 0)
                        return k;
                if (k == 0)
                        return -ECONNRESET;
        }
        return 0;
}

static void drop(Http *h, size_t n) {
        memmove(h->buffer, h->buffer + n, h->n - n + 1);
        h->n -= n;
}

/* The head up to and with the empty line; its length is returned. */
static ssize_t read_head(Http *h) {
        for (;;) {
                char *end = h->n > 0 ? strstr(h->buffer, "\r\n\r\n") : NULL;
                ssize_t k;

                if (end)
                        return end + 4 - h->buffer;
                k = fill(h);
                if (k < 0)
                        return k;
                if (k == 0)
                        return -ECONNRESET;
        }
}

static const char *header(const char *head, const char *name) {
        size_t n = strlen(name);

        for (const char *p = strstr(head, "\r\n"); p && p[2] != '\r'; p = strstr(p + 2, "\r\n"))
                if (strncasecmp(p + 2, name, n) == 0 && p[2 + n] == ':')
                        return p + 3 + n + strspn(p + 3 + n, " ");
        return NULL;
}

/* Body in chunks: they are moved together at the start of the buffer. Returns its length. */
static ssize_t read_chunks(Http *h) {
        size_t done = 0;

        for (;;) {
                char *end;
                size_t size, line;
                int r;

                while (h->n <= done || !strstr(h->buffer + done, "\r\n")) {
                        ssize_t k = fill(h);
                        if (k <= 0)
                                return k < 0 ? k : -ECONNRESET;
                }
                size = strtoul(h->buffer + done, &end, 16);
                if (end == h->buffer + done)
                        return -EBADMSG;
                line = strstr(end, "\r\n") + 2 - (h->buffer + done);
                r = fill_to(h, done + line + size + 2);
                if (r < 0)
                        return r;
                memmove(h->buffer + done, h->buffer + done + line, h->n - done - line + 1);
                h->n -= line;
                done += size;
                memmove(h->buffer + done, h->buffer + done + 2, h->n - done - 2 + 1);
                h->n -= 2;
                if (size == 0)
                        return done;
        }
}

static ssize_t read_to_end(Http *h) {
        ssize_t k;

        while ((k = fill(h)) > 0)
                ;
        return k < 0 ? k : (ssize_t) h->n;
}

static ssize_t read_body(Http *h, int status, const char *length, const char *encoding) {
        if (status == 204 || status == 304)
                return 0;
        if (encoding && strncasecmp(encoding, "chunked", 7) == 0)
                return read_chunks(h);
        if (length) {
                size_t n = strtoul(length, NULL, 10);
                int r = fill_to(h, n);
                return r < 0 ? r : (ssize_t) n;
        }
        return read_to_end(h);
}

static int read_answer(Http *h, char **ret_body, size_t *ret_size) {
        char head[4096];
        ssize_t n, k;
        int status;
        const char *connection;

        do {
                n = read_head(h);
                if (n < 0)
                        return n;
                if ((size_t) n >= sizeof(head) || sscanf(h->buffer, "HTTP/1.%*d %d", &status) != 1)
                        return -EBADMSG;
                memcpy(head, h->buffer, n);
                head[n] = '\0';
                drop(h, n);
        } while (status == 100);

        k = read_body(h, status, header(head, "Content-Length"), header(head, "Transfer-Encoding"));
        if (k < 0)
                return k;
        if (ret_body) {
                *ret_body = strndup(h->buffer, k);
                if (!*ret_body)
                        return -ENOMEM;
        }
        if (ret_size)
                *ret_size = k;
        drop(h, k);
        connection = header(head, "Connection");
        if (connection && strncasecmp(connection, "close", 5) == 0)
                http_close(h);
        return status;
}

int http_request(Http *h, const char *method, const char *path, const char *headers, const void *body, size_t n_body,
                 char **ret_body, size_t *ret_size) {
        char *head = NULL;
        int n, r;

        n = asprintf(&head, "%s %s HTTP/1.1\r\nHost: lxd\r\nUser-Agent: bench\r\nContent-Length: %zu\r\n%s\r\n",
                     method, path, n_body, headers ?: "");
        if (n < 0)
                return -ENOMEM;
        r = send_all(h, head, n);
        free(head);
        if (r >= 0 && n_body > 0)
                r = send_all(h, body, n_body);
        return r < 0 ? r : read_answer(h, ret_body, ret_size);
}

int http_upgrade(Http *h, const char *path) {
        char *head = NULL;
        ssize_t k;
        int n, r;

        n = asprintf(&head,
                     "GET %s HTTP/1.1\r\nHost: lxd\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     path);
        if (n < 0)
                return -ENOMEM;
        r = send_all(h, head, n);
        free(head);
        if (r < 0)
                return r;
        k = read_head(h);
        if (k < 0)
                return k;
        if (strncmp(h->buffer, "HTTP/1.1 101", 12) != 0)
                return -EPROTO;
        drop(h, k);
        return 0;
}
