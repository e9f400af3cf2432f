/* SPDX-License-Identifier: Apache-2.0 */
/* Sends requests and reads answers over a non-blocking unix socket, with poll() as the only place that waits. */

#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/socket.h"
#include "http.h"

#define READ_SIZE (256U * 1024U)
#define COPY_SIZE (64U * 1024U)

struct HttpConnection {
        int fd;
        Buffer in;                      /* received, not yet decoded */
        HttpBody body;
        bool head_only;                 /* the last request was HEAD */
        bool keep_alive;
        bool sent_all;                  /* false: the server answered early, the connection is spoilt */
        int (*interrupt)(void *userdata);
        void *userdata;
};

/* A request on its way out. */
typedef struct Sender {
        HttpConnection *connection;
        const HttpRequest *request;
        uint64_t sent, total;
        bool chunked;
        bool answered;
} Sender;

int http_connect(const char *socket_path, HttpConnection **ret) {
        _cleanup_close_ int fd = socket_connect(socket_path, SOCK_STREAM);
        HttpConnection *c;

        if (fd < 0)
                return fd;
        if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;

        c = xcalloc(1, sizeof(*c));
        c->fd = TAKE_FD(fd);
        c->keep_alive = true;
        c->body.state = HTTP_BODY_DONE;
        *ret = c;
        return 0;
}

HttpConnection *http_free(HttpConnection *c) {
        if (!c)
                return NULL;
        close_safe(c->fd);
        buffer_done(&c->in);
        free(c);
        return NULL;
}

void http_set_interrupt(HttpConnection *c, int (*interrupt)(void *userdata), void *userdata) {
        c->interrupt = interrupt;
        c->userdata = userdata;
}

int http_fd(HttpConnection *c) {
        return c->fd;
}

Buffer *http_leftover(HttpConnection *c) {
        return &c->in;
}

/* Waits for events of the socket. Returns what there is, or -errno. */
static int connection_poll(HttpConnection *c, short events) {
        for (;;) {
                struct pollfd p = { .fd = c->fd, .events = events };

                if (poll(&p, 1, -1) >= 0)
                        return p.revents;
                if (errno != EINTR)
                        return -errno;
                if (c->interrupt) {
                        int r = c->interrupt(c->userdata);
                        if (r < 0)
                                return r;
                }
        }
}

bool http_is_reusable(HttpConnection *c) {
        struct pollfd p = { .fd = c->fd, .events = POLLIN };

        if (!c->keep_alive || c->body.state != HTTP_BODY_DONE || c->in.size > 0)
                return false;
        return poll(&p, 1, 0) == 0;     /* anything readable now is the end, or nonsense */
}

/* Waits until more can be sent. Returns 1 when the server speaks first: it has made up its mind. */
static int sender_wait(Sender *s) {
        int r = connection_poll(s->connection, POLLIN | POLLOUT);

        if (r < 0)
                return r;
        if (r & (POLLIN | POLLHUP | POLLERR)) {
                s->answered = true;
                return 1;
        }
        return 0;
}

static int sender_write(Sender *s, const void *data, size_t n, int flags) {
        const char *p = data;

        while (n > 0 && !s->answered) {
                ssize_t k = send(s->connection->fd, p, n, MSG_NOSIGNAL | flags);

                if (k >= 0) {
                        p += k;
                        n -= (size_t) k;
                        continue;
                }
                if (errno == EPIPE || errno == ECONNRESET)
                        s->answered = true;             /* the reason may be readable */
                else if (errno == EAGAIN) {
                        int r = sender_wait(s);
                        if (r < 0)
                                return r;
                } else if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

static void sender_progress(Sender *s, uint64_t n) {
        s->sent += n;
        if (s->request->progress)
                s->request->progress(s->request->userdata, s->sent, s->total);
}

/* A regular file of known size goes out without a copy through this process. */
static int sender_sendfile(Sender *s, const HttpPart *part) {
        uint64_t left = part->size;

        while (left > 0 && !s->answered) {
                ssize_t n = sendfile(s->connection->fd, part->fd, NULL, MIN(left, (uint64_t) READ_SIZE * 4));
                int r;

                if (n > 0) {
                        left -= (uint64_t) n;
                        sender_progress(s, (uint64_t) n);
                        continue;
                }
                if (n == 0)
                        return -ENODATA;                /* the file became shorter */
                if (errno == EPIPE || errno == ECONNRESET) {
                        s->answered = true;
                        return 0;
                }
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                r = sender_wait(s);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int sender_chunk(Sender *s, const void *data, size_t n) {
        char line[32];
        int r;

        r = sender_write(s, line, (size_t) snprintf(line, sizeof(line), "%zx\r\n", n), MSG_MORE);
        if (r < 0)
                return r;
        r = sender_write(s, data, n, MSG_MORE);
        if (r < 0)
                return r;
        return sender_write(s, "\r\n", 2, 0);
}

/* A descriptor of unknown length: read and send piece by piece. */
static int sender_copy(Sender *s, const HttpPart *part) {
        _cleanup_free_ char *buffer = xrealloc(NULL, COPY_SIZE);

        while (!s->answered) {
                ssize_t n = read(part->fd, buffer, COPY_SIZE);
                int r;

                if (n == 0)
                        return 0;
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                r = sender_chunk(s, buffer, (size_t) n);
                if (r < 0)
                        return r;
                sender_progress(s, (uint64_t) n);
        }
        return 0;
}

static int sender_part(Sender *s, const HttpPart *part) {
        int r;

        if (!part->data)
                return s->chunked ? sender_copy(s, part) : sender_sendfile(s, part);

        r = s->chunked ? sender_chunk(s, part->data, part->size) : sender_write(s, part->data, part->size, 0);
        if (r < 0)
                return r;
        sender_progress(s, part->size);
        return 0;
}

static void build_head(Sender *s, Buffer *head) {
        const HttpRequest *q = s->request;

        for (size_t i = 0; i < q->n_parts; i++) {
                if (q->parts[i].size == HTTP_SIZE_UNKNOWN)
                        s->chunked = true;
                else
                        s->total += q->parts[i].size;
        }

        buffer_printf(head, "%s %s HTTP/1.1\r\nHost: lxd\r\nUser-Agent: lxc/%s\r\n", q->method, q->path, LXD_VERSION);
        for (char *const *h = q->headers; h && *h; h++)
                buffer_printf(head, "%s\r\n", *h);
        if (s->chunked)
                buffer_puts(head, "Transfer-Encoding: chunked\r\n");
        else if (q->n_parts > 0 || !(streq(q->method, "GET") || streq(q->method, "HEAD")))
                buffer_printf(head, "Content-Length: %" PRIu64 "\r\n", s->total);
        buffer_puts(head, "\r\n");
}

int http_send(HttpConnection *c, const HttpRequest *request) {
        Sender s = { .connection = c, .request = request };
        _cleanup_buffer_ Buffer head = {};
        size_t i = 0;
        int r;

        build_head(&s, &head);
        c->head_only = streq(request->method, "HEAD");

        /* A small body in memory goes out with the head, in one packet. */
        if (!s.chunked && request->n_parts > 0 && request->parts[0].data && request->parts[0].size <= COPY_SIZE) {
                buffer_append(&head, request->parts[0].data, request->parts[0].size);
                i = 1;
        }
        r = sender_write(&s, head.data, head.size, i < request->n_parts ? MSG_MORE : 0);
        for (; i < request->n_parts && r >= 0; i++)
                r = sender_part(&s, request->parts + i);
        if (r >= 0 && s.chunked)
                r = sender_write(&s, "0\r\n\r\n", 5, 0);
        c->sent_all = r >= 0 && !s.answered;
        return r;
}

/* Reads what there is, waiting for at least one byte. Returns the number of bytes, 0 at the end, or -errno. */
static ssize_t connection_read(HttpConnection *c) {
        for (;;) {
                ssize_t n = recv(c->fd, buffer_reserve(&c->in, READ_SIZE), READ_SIZE, 0);
                int r;

                if (n >= 0) {
                        c->in.size += (size_t) n;
                        return n;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;

                r = connection_poll(c, POLLIN);
                if (r < 0)
                        return r;
        }
}

static int read_one_head(HttpConnection *c, HttpHead *ret) {
        for (;;) {
                ssize_t n = http_head_length(c->in.data, c->in.size);
                int r;

                if (n < 0)
                        return (int) n;
                if (n > 0) {
                        r = http_head_parse(c->in.data, (size_t) n, ret);
                        if (r >= 0)
                                buffer_consume(&c->in, (size_t) n);
                        return r;
                }

                n = connection_read(c);
                if (n < 0)
                        return n == -ECONNRESET && c->in.size == 0 ? -ENODATA : (int) n;
                if (n == 0)
                        return c->in.size == 0 ? -ENODATA : -ECONNRESET;
        }
}

int http_read_head(HttpConnection *c, HttpHead *ret) {
        HttpHead head = {};
        int r;

        for (;;) {
                r = read_one_head(c, &head);
                if (r < 0) {
                        c->keep_alive = false;
                        return r;
                }
                if (head.status >= 200 || head.status == 101)
                        break;
                http_head_done(&head);
        }

        c->keep_alive = head.keep_alive && c->sent_all && head.status != 101;
        http_body_begin(&c->body, &head, c->head_only);
        *ret = head;
        return 0;
}

/* Decodes what is in the buffer. Returns 1 when the body is complete, 0 when more is needed, or an error. */
static int drain_input(HttpConnection *c, HttpSink sink, void *userdata) {
        size_t done = 0;
        int r = c->body.state == HTTP_BODY_DONE;

        while (r == 0 && done < c->in.size) {
                const char *data;
                size_t used, n;

                r = http_body_feed(&c->body, c->in.data + done, c->in.size - done, &used, &data, &n);
                if (r < 0)
                        return r;
                if (n > 0) {
                        int q = sink(userdata, data, n);
                        if (q < 0)
                                return q;
                }
                done += used;
        }
        buffer_consume(&c->in, done);
        return r;
}

int http_read_body(HttpConnection *c, HttpSink sink, void *userdata) {
        int r;

        for (;;) {
                ssize_t n;

                r = drain_input(c, sink, userdata);
                if (r != 0)
                        break;

                n = connection_read(c);
                if (n == 0) {
                        r = http_body_eof(&c->body);
                        c->keep_alive = false;
                        break;
                }
                if (n < 0) {
                        r = (int) n;
                        break;
                }
        }

        if (r < 0)
                c->keep_alive = false;
        return MIN(r, 0);
}

int http_sink_buffer(void *userdata, const void *data, size_t n) {
        buffer_append(userdata, data, n);
        return 0;
}
