/* SPDX-License-Identifier: Apache-2.0 */
/* lxc stop */

#include "action.h"

static Action action = { .verb = "stop", .name = "stop", .timeout = -1 };

static const Option options[] = {
        { 0, "all", OPTION_BOOL, &action.all, "Run against all instances" },
        { 0, "console", OPTION_OPTIONAL, &action.console, "Immediately attach to the console", "console" },
        { 'f', "force", OPTION_BOOL, &action.force, "Force the instance to shutdown" },
        { 0, "stateful", OPTION_BOOL, &action.stateful, "Store the instance state" },
        { 0, "timeout", OPTION_INT, &action.timeout, "Time to wait for the instance before killing it", NULL, "-1" },
        {},
};

const Command command_stop = {
        .name = "stop",
        .usage = "[<remote>:]<instance> [[<remote>:]<instance>...]",
        .summary = "Stop instances",
        .description = "Several instances are stopped at the same time. The timeout is in seconds.",
        .options = options,
        .max_args = COMMAND_ANY,
        .data = &action,
        .run = action_run,
};
