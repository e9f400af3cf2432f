/* SPDX-License-Identifier: Apache-2.0 */
/* lxd shutdown */

#include <poll.h>
#include <time.h>

#include "lxd.h"

static bool arg_force = false;
static int64_t arg_timeout = 0;

static int run(Context *c) {
        _cleanup_free_ char *path = xstrdup("/internal/shutdown");
        _cleanup_reply_ Reply reply = {};
        char timeout[32];
        int r;

        if (arg_force)
                api_query(&path, "force", "true");
        if (arg_timeout > 0) {
                (void) snprintf(timeout, sizeof(timeout), "%" PRIi64, arg_timeout);
                api_query(&path, "timeout", timeout);
        }

        r = client_call(c->client, "PUT", path, NULL, NULL, &reply);
        if (r == -ENODATA || r == -ECONNRESET) {        /* it went before it could answer */
                fail_clear();
                return 0;
        }
        return r < 0 ? r : operation_wait(c->client, &reply, NULL);
}

static const Option options[] = {
        { 'f', "force", OPTION_BOOL, &arg_force, "Force shutdown instead of waiting for running operations to finish" },
        { 't', "timeout", OPTION_INT, &arg_timeout, "Number of seconds to wait before giving up", NULL, "0" },
        {},
};

const Command command_shutdown = {
        .name = "shutdown",
        .summary = "Tell LXD to shutdown all containers and exit",
        .description = "Stops every running instance, as far as each allows itself time to; those that were running are\n"
                       "started again with the next boot. The daemons end by themselves when they are idle.",
        .options = options,
        .run = run,
};
