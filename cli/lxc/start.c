/* SPDX-License-Identifier: Apache-2.0 */
/* lxc start */

#include "action.h"

static Action action = { .verb = "start", .name = "start" };

static const Option options[] = {
        { 0, "all", OPTION_BOOL, &action.all, "Run against all instances" },
        { 0, "console", OPTION_OPTIONAL, &action.console, "Immediately attach to the console", "console" },
        { 0, "stateless", OPTION_BOOL, &action.stateless, "Ignore the instance state" },
        {},
};

const Command command_start = {
        .name = "start",
        .usage = "[<remote>:]<instance> [[<remote>:]<instance>...]",
        .summary = "Start instances",
        .description = "Several instances are started at the same time. A paused one goes on where it was.",
        .options = options,
        .max_args = COMMAND_ANY,
        .data = &action,
        .run = action_run,
};
