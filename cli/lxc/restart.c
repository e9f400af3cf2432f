/* SPDX-License-Identifier: Apache-2.0 */
/* lxc restart */

#include "action.h"

static Action action = { .verb = "restart", .name = "restart", .timeout = -1 };

static const Option options[] = {
        { 0, "all", OPTION_BOOL, &action.all, "Run against all instances" },
        { 0, "console", OPTION_OPTIONAL, &action.console, "Immediately attach to the console", "console" },
        { 'f', "force", OPTION_BOOL, &action.force, "Force the instance to shutdown" },
        { 0, "timeout", OPTION_INT, &action.timeout, "Time to wait for the instance before killing it", NULL, "-1" },
        {},
};

const Command command_restart = {
        .name = "restart",
        .usage = "[<remote>:]<instance> [[<remote>:]<instance>...]",
        .summary = "Restart instances",
        .description = "A paused instance is not restarted but goes on by \"lxc start\".",
        .options = options,
        .max_args = COMMAND_ANY,
        .data = &action,
        .run = action_run,
};
