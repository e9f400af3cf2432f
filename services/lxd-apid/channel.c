/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the pumping of one channel, with backpressure in both directions. */

#include <unistd.h>


#include "base/file.h"
#include "channel.h"

#define CHUNK ((size_t) 64 << 10)
#define QUEUE_MAX ((size_t) 256 << 10) /* to the client; more stays in the guest's pipe */
#define MESSAGE_MAX ((size_t) 64 << 10)

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata);

int channel_init(Channel *c, sd_event *event, const char *name, int fd, bool input, bool output, const ChannelOwner *owner,
                 void *userdata) {
        int r;

        *c = (Channel) { .event = event, .owner = owner, .userdata = userdata, .name = name, .fd = fd, .input = input,
                         .output = output };
        r = random_hex(CHANNEL_SECRET_BYTES, &c->secret);
        if (r < 0 || fd < 0)
                return r;
        r = fd_set_nonblock(fd, true);
        if (r >= 0)
                r = sd_event_add_io(event, &c->io, fd, 0, on_io, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->io, SD_EVENT_OFF);
        return r;
}

void channel_done(Channel *c) {
        sd_event_source_disable_unref(c->io);
        websocket_free(c->ws);
        close_safe(c->fd);
        free(c->secret);
        free(c->pending);
        *c = (Channel) { .fd = -EBADF };
}

/* A descriptor whose other side is gone is always "ready": it is looked at only when there is something to do with it. */
static void update(Channel *c) {
        uint32_t events = 0;

        if (!c->io)
                return;
        if (c->output && c->ws && !c->eof && websocket_queued(c->ws) < QUEUE_MAX)
                events |= EPOLLIN;
        if (c->input && c->pending_size > 0)
                events |= EPOLLOUT;
        (void) sd_event_source_set_io_events(c->io, events);
        (void) sd_event_source_set_enabled(c->io, events ? SD_EVENT_ON : SD_EVENT_OFF);
}

void channel_close_fd(Channel *c) {
        c->io = sd_event_source_disable_unref(c->io);
        c->fd = close_safe(c->fd);
        c->pending_size = 0;
        c->eof = true;
        if (c->ws)
                websocket_pause(c->ws, false);
}

/* Reads what the guest has, as far as the client keeps up. */
static void pump_output(Channel *c) {
        char buffer[CHUNK];

        for (unsigned i = 0; i < 8 && c->ws && !c->eof && websocket_queued(c->ws) < QUEUE_MAX; i++) {
                ssize_t n = read(c->fd, buffer, sizeof(buffer));

                if (n > 0)
                        (void) websocket_send(c->ws, WEBSOCKET_BINARY, buffer, n);
                else if (n == 0 || (errno != EAGAIN && errno != EINTR)) /* a terminal says EIO when its last user has left */
                        c->eof = true;
                else if (errno == EAGAIN) {
                        c->eof = c->last;
                        break;
                }
        }
}

/* After the guest's end: goes on until the pipe is empty, as far as the client keeps up. */
static void pump_rest(Channel *c) {
        while (c->last && c->output && c->ws && !c->eof && websocket_queued(c->ws) < QUEUE_MAX)
                pump_output(c);
}

static void input_failed(Channel *c) {
        if (c->output) { /* a terminal may still be read */
                c->pending_size = 0;
                websocket_pause(c->ws, false);
        } else
                channel_close_fd(c);
}

/* Gives the guest what waits for it. */
static void flush_input(Channel *c) {
        while (c->pending_size > 0) {
                ssize_t n = write(c->fd, c->pending, c->pending_size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n < 0) { /* the guest does not read any more: what comes is dropped */
                        input_failed(c);
                        return;
                }
                c->pending_size -= n;
                memmove(c->pending, c->pending + n, c->pending_size);
        }
        if (c->input_eof && !c->output)
                channel_close_fd(c);
        else if (c->ws)
                websocket_pause(c->ws, false);
}

static int keep(Channel *c, const char *data, size_t n) {
        char *more = realloc(c->pending, c->pending_size + n);

        if (!more)
                return -ENOMEM;
        memcpy(more + c->pending_size, data, n);
        c->pending = more;
        c->pending_size += n;
        return 0;
}

static void take_input(Channel *c, const char *data, size_t n) {
        while (n > 0 && c->fd >= 0 && c->pending_size == 0) {
                ssize_t k = write(c->fd, data, n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0 && errno != EAGAIN) {
                        input_failed(c);
                        return;
                }
                if (k < 0)
                        break;
                data += k;
                n -= k;
        }
        if (n == 0 || c->fd < 0)
                return;
        if (keep(c, data, n) < 0) {
                input_failed(c);
                return;
        }
        websocket_pause(c->ws, true);
        update(c);
}

/* An empty text message is the end of the client's input. On the terminal of a command somebody would type ^D: it ends the input of what
 * reads lines, so that "echo x | lxc exec -t ... cat" ends; behind half a line it takes two. */
static void end_input(Channel *c) {
        if (c->types_end && c->fd >= 0 && !c->input_eof) {
                c->input_eof = true;
                take_input(c, "\x04\x04", c->half_line ? 2 : 1);
        }
        if (c->output || c->fd < 0)
                return;
        c->input_eof = true;
        if (c->pending_size == 0)
                channel_close_fd(c);
}

static void on_control(Channel *c, const char *data, size_t n, bool end) {
        if (n > 0 && (c->pending_size + n > MESSAGE_MAX || keep(c, data, n) < 0))
                c->pending_size = SIZE_MAX / 2; /* too long: nothing of it counts */
        if (!end)
                return;
        if (c->pending_size <= MESSAGE_MAX)
                c->owner->message(c, c->pending, c->pending_size, c->userdata);
        c->pending_size = 0;
}

static void on_data(WebSocket *ws, WebSocketType type, const void *data, size_t n, bool end, void *userdata) {
        Channel *c = userdata;

        c->message_size += n;
        if (c->fd < 0 && !c->input && !c->output)
                on_control(c, data, n, end);
        else if (c->input && n > 0) {
                c->half_line = ((const char*) data)[n - 1] != '\n' && ((const char*) data)[n - 1] != '\r';
                take_input(c, data, n);
        }
        if (end && c->input && type == WEBSOCKET_TEXT && c->message_size == 0)
                end_input(c);
        if (end)
                c->message_size = 0;
}

static void on_drained(WebSocket *ws, void *userdata) {
        Channel *c = userdata;

        pump_rest(c);
        update(c);
        c->owner->changed(c, c->userdata);
}

static void on_closed(WebSocket *ws, bool clean, void *userdata) {
        Channel *c = userdata;

        c->ws = NULL;
        c->clean = clean;
        if (c->input && !c->output && c->pending_size > 0) { /* the client had more to say than the guest has taken */
                c->input_eof = true;
                update(c);
        } else if (c->fd >= 0)
                channel_close_fd(c);
        c->owner->changed(c, c->userdata);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Channel *c = userdata;

        if (c->input && c->pending_size > 0 && events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
                flush_input(c);
        if (c->fd >= 0 && c->output && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                pump_output(c);
        pump_rest(c);
        update(c);
        c->owner->changed(c, c->userdata);
        return 0;
}

void channel_connect(Channel *c, WebSocket *ws) {
        static const WebSocketCallbacks callbacks = { .data = on_data, .drained = on_drained, .closed = on_closed };

        c->ws = ws;
        c->connected = true;
        websocket_set_callbacks(ws, &callbacks, c);
        pump_rest(c);
        update(c);
        c->owner->changed(c, c->userdata);
}

void channel_set_last(Channel *c) {
        c->last = true;
        pump_rest(c);
        update(c);
}

void channel_send_barrier(Channel *c) {
        if (c->barrier || !c->output || !c->ws)
                return;
        c->barrier = true;
        (void) websocket_send(c->ws, WEBSOCKET_TEXT, "", 0);
}

void channel_disconnect(Channel *c) {
        WebSocket *ws = TAKE_PTR(c->ws);

        websocket_close(ws);
        channel_close_fd(c);
}

bool channel_is_delivered(const Channel *c) {
        if (!c->output || !c->connected || !c->ws)
                return true;
        return c->eof && websocket_queued(c->ws) == 0;
}
