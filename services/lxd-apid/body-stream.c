/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the sockets that carry request bodies, with backpressure. */

#include <sys/socket.h>

#include "body-stream.h"
#include "request-private.h"

#define SOCKET_BUFFER (512 << 10)

struct BodyStream {
        Request *request;
        int fd;
        bool reader_gone;
        sd_event_source *writable;
};

int body_stream_new(Request *r, int *ret_fd) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        int fds[2], size = SOCKET_BUFFER;
        BodyStream *s;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        ours = fds[0];
        theirs = fds[1];
        (void) setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));

        /* The mark: a unix socket that is closed with something unread in it gives its peer ECONNRESET. One byte waits on our side until
         * the body is complete. */
        if (send(theirs, "", 1, MSG_NOSIGNAL) != 1)
                return -EIO;
        if (shutdown(theirs, SHUT_WR) < 0)
                return -errno;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (BodyStream) { .request = r, .fd = TAKE_FD(ours) };
        r->stream = s;
        *ret_fd = TAKE_FD(theirs);
        return 0;
}

static int on_writable(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        BodyStream *s = userdata;

        (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        request_continue(s->request);
        return 0;
}

static void wait_writable(BodyStream *s) {
        int r;

        if (s->writable)
                r = sd_event_source_set_enabled(s->writable, SD_EVENT_ON);
        else
                r = sd_event_add_io(s->request->manager->event, &s->writable, s->fd, EPOLLOUT, on_writable, s);
        if (r < 0) /* no way to wait: the reader gets to know that it is incomplete */
                s->reader_gone = true;
}

size_t body_stream_write(BodyStream *s, const char *data, size_t n) {
        size_t done = 0;

        while (done < n && !s->reader_gone) {
                ssize_t k = send(s->fd, data + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (k >= 0)
                        done += k;
                else if (errno == EAGAIN) {
                        wait_writable(s);
                        break;
                } else if (errno != EINTR)
                        s->reader_gone = true; /* its answer says why */
        }
        return s->reader_gone ? n : done;
}

BodyStream *body_stream_free(BodyStream *s) {
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->writable);
        close_safe(s->fd);
        free(s);
        return NULL;
}

BodyStream *body_stream_finish(BodyStream *s) {
        char mark;

        if (s)
                (void) recv(s->fd, &mark, 1, MSG_DONTWAIT);
        return body_stream_free(s);
}
