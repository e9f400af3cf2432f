/* SPDX-License-Identifier: Apache-2.0 */
/* lxd waitready */

#include <poll.h>
#include <time.h>

#include "lxd.h"

#define FIRST_PAUSE_MSEC 10             /* doubled each time, up to the last */
#define LAST_PAUSE_MSEC 500

static int64_t arg_timeout = 0;

static uint64_t now_ms(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

/* Ready is who says so; a server that does not know the question is ready when it answers at all. */
static int ask(Client *client) {
        _cleanup_reply_ Reply ready = {}, server = {};
        int r;

        r = client_get(client, "/internal/ready", &ready);
        if (r == -ENOENT && client->connection)
                r = client_get(client, "/1.0", &server);
        return r;
}

static int run(Context *c) {
        uint64_t deadline = arg_timeout > 0 ? now_ms() + (uint64_t) arg_timeout * 1000 : 0;
        int pause = FIRST_PAUSE_MSEC;

        for (;;) {
                int r = ask(c->client);

                if (r >= 0) {
                        fail_clear();
                        return 0;
                }
                if (deadline > 0 && now_ms() >= deadline)
                        return fail_context(-ETIME, "LXD still not running after %" PRIi64 "s timeout", arg_timeout);

                client_disconnect(c->client);
                (void) poll(NULL, 0, pause);
                pause = MIN(pause * 2, LAST_PAUSE_MSEC);
        }
}

static const Option options[] = {
        { 't', "timeout", OPTION_INT, &arg_timeout, "Number of seconds to wait before giving up", NULL, "0" },
        {},
};

const Command command_waitready = {
        .name = "waitready",
        .summary = "Wait for LXD to be ready to process requests",
        .description = "Without a timeout, waits for ever.",
        .options = options,
        .run = run,
};
