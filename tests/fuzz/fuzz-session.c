/* SPDX-License-Identifier: Apache-2.0 */
/* The websockets of an exec or a console, and what its guest says, in any order. The first byte is the kind of the session; then come steps: a byte
 * that says who speaks, a byte with the size, and the bytes themselves. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "log.h"
#include "rest-fixture.h"
#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 64
#define ROUNDS 64 /* then a new world: sessions that are over linger */

enum { CONTROL = 3, CHANNELS };

enum { /* the lower bits of a step; the upper ones are the channel */
        CLIENT_TEXT,
        CLIENT_BINARY,
        CLIENT_PART,     /* of a message: a continuation follows */
        CLIENT_CONTINUES,
        CLIENT_BYTES,    /* that may be frames */
        CLIENT_LEAVES,
        GUEST_SAYS,      /* on the control socket */
        GUEST_WRITES,
};

typedef struct World {
        RestFixture rest;
        char id[37];
        int ws[CHANNELS];
} World;

static void settle(World *w) {
        char rest[4096];

        while (sd_event_run(w->rest.event, 0) > 0)
                ;
        for (size_t i = 0; i < CHANNELS; i++)
                while (w->ws[i] >= 0 && recv(w->ws[i], rest, sizeof(rest), MSG_DONTWAIT) > 0)
                        ;
        for (size_t i = 0; i < w->rest.n_guest; i++)
                while (w->rest.guest[i] >= 0 && read(w->rest.guest[i], rest, sizeof(rest)) > 0)
                        ;
        while (sd_event_run(w->rest.event, 0) > 0)
                ;
}

static void connect_channel(World *w, unsigned channel, const char *body) {
        static const char *const names[CHANNELS] = { "\"0\":\"", "\"1\":\"", "\"2\":\"", "\"control\":\"" };
        const char *fds = strstr(body, "\"fds\":"), *secret = fds ? strstr(fds, names[channel]) : NULL;
        char head[512], answer[512];
        int n;

        w->ws[channel] = -EBADF;
        if (!secret)
                return;
        n = snprintf(head, sizeof(head),
                     "GET /1.0/operations/%s/websocket?secret=%.64s HTTP/1.1\r\nHost: lxd\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     w->id, secret + strlen(names[channel]));
        if (rest_connect(&w->rest) < 0 || rest_send(&w->rest, head, (size_t) n) < 0)
                abort();
        while (sd_event_run(w->rest.event, 0) > 0)
                ;
        if (recv(w->rest.client, answer, sizeof(answer), MSG_DONTWAIT) < 12 || memcmp(answer, "HTTP/1.1 101", 12) != 0)
                abort();
        w->ws[channel] = TAKE_FD(w->rest.client);
}

static void start(World *w, uint8_t kind) {
        const char *target = kind & 2 ? "/1.0/instances/c1/console" : "/1.0/instances/c1/exec";
        const char *body = kind & 2   ? "{}"
                           : kind & 1 ? "{\"command\":[\"sh\"],\"wait-for-websocket\":true,\"interactive\":true}"
                                      : "{\"command\":[\"sh\"],\"wait-for-websocket\":true}";
        _cleanup_(answer_done) Answer a = {};
        const char *at;

        rest_clear(&w->rest);
        if (rest_request(&w->rest, "POST", target, "", body, strlen(body), &a) < 0 || a.status != 202 || !(at = strstr(a.body, "/1.0/operations/")))
                abort();
        (void) snprintf(w->id, sizeof(w->id), "%.36s", at + 16);
        for (unsigned i = 0; i < CHANNELS; i++)
                connect_channel(w, i, a.body);
}

static void step(World *w, unsigned who, unsigned channel, const void *data, size_t n) {
        static const unsigned opcodes[] = { [CLIENT_TEXT] = 1, [CLIENT_BINARY] = 2 };
        const uint8_t part[] = { who == CLIENT_PART ? 1 : 0, 0x80 | (uint8_t) MIN(n, 125U), 0, 0, 0, 0 };
        int fd = w->ws[channel];

        if (who == GUEST_SAYS)
                (void) send(w->rest.guest[w->rest.n_guest - 1], data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        else if (who == GUEST_WRITES)
                (void) !write(w->rest.guest[channel % w->rest.n_guest], data, n);
        else if (who == CLIENT_LEAVES)
                w->ws[channel] = close_safe(fd);
        else if (fd >= 0 && who == CLIENT_BYTES)
                (void) send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        else if (fd >= 0 && (who == CLIENT_PART || who == CLIENT_CONTINUES)) {
                (void) send(fd, part, sizeof(part), MSG_NOSIGNAL | MSG_DONTWAIT);
                (void) send(fd, data, MIN(n, 125U), MSG_NOSIGNAL | MSG_DONTWAIT);
        } else if (fd >= 0)
                (void) rest_websocket_send(fd, opcodes[who], data, n);
}

static void end(World *w) {
        _cleanup_free_ char *metadata = NULL;

        for (unsigned i = 0; i < CHANNELS; i++)
                w->ws[i] = close_safe(w->ws[i]);
        for (size_t i = 0; i < w->rest.n_guest; i++)
                w->rest.guest[i] = close_safe(w->rest.guest[i]);
        w->rest.n_guest = 0;
        while (sd_event_run(w->rest.event, 0) > 0)
                ;
        if (!sessions_is_finished(w->rest.manager->sessions, w->id) || sessions_metadata(w->rest.manager->sessions, w->id, true, &metadata) < 0) {
                fprintf(stderr, "A session without client and guest goes on\n");
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static World *world;
        static unsigned rounds;

        if (size < 1)
                return 0;
        if (!world) {
                log_set_max_level(LOG_EMERG);
                (void) signal(SIGPIPE, SIG_IGN);
                world = calloc(1, sizeof(*world));
                if (!world || rest_open(&world->rest) < 0)
                        abort();
        }
        start(world, data[0]);
        data++;
        size--;
        for (unsigned i = 0; i < STEPS_MAX && size >= 2; i++) {
                size_t n = MIN(data[1], size - 2);

                step(world, data[0] & 7, (data[0] >> 3) % CHANNELS, data + 2, n);
                settle(world);
                data += 2 + n;
                size -= 2 + n;
        }
        end(world);
        if (++rounds % ROUNDS == 0) {
                rest_close(&world->rest);
                free(world);
                world = NULL;
        }
        return 0;
}
