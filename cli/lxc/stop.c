/* SPDX-License-Identifier: Apache-2.0 */
/* lxc stop */

#include "action.h"

static bool arg_all = false, arg_force = false, arg_stateful = false;
static char *arg_console = NULL;
static int64_t arg_timeout = -1;

static int run(Context *c) {
        return action_run(c, &(Action) {
                .verb = "stop",
                .name = "stop",
                .timeout = arg_timeout,
                .force = arg_force,
                .stateful = arg_stateful,
                .all = arg_all,
                .console = arg_console,
        });
}

static const Option options[] = {
        { 0, "all", OPTION_BOOL, &arg_all, "Run against all instances" },
        { 0, "console", OPTION_OPTIONAL, &arg_console, "Immediately attach to the console", "console" },
        { 'f', "force", OPTION_BOOL, &arg_force, "Force the instance to shutdown" },
        { 0, "stateful", OPTION_BOOL, &arg_stateful, "Store the instance state" },
        { 0, "timeout", OPTION_INT, &arg_timeout, "Time to wait for the instance before killing it", NULL, "-1" },
        {},
};

const Command command_stop = {
        .name = "stop",
        .usage = "[<remote>:]<instance> [[<remote>:]<instance>...]",
        .summary = "Stop instances",
        .description = "Several instances are stopped at the same time. The timeout is in seconds.",
        .options = options,
        .max_args = COMMAND_ANY,
        .run = run,
};
