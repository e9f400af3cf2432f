/* SPDX-License-Identifier: Apache-2.0 */
/* lxc start */

#include "action.h"

static bool arg_all = false, arg_stateless = false;
static char *arg_console = NULL;

static int run(Context *c) {
        return action_run(c, &(Action) {
                .verb = "start",
                .name = "start",
                .all = arg_all,
                .stateless = arg_stateless,
                .console = arg_console,
        });
}

static const Option options[] = {
        { 0, "all", OPTION_BOOL, &arg_all, "Run against all instances" },
        { 0, "console", OPTION_OPTIONAL, &arg_console, "Immediately attach to the console", "console" },
        { 0, "stateless", OPTION_BOOL, &arg_stateless, "Ignore the instance state" },
        {},
};

const Command command_start = {
        .name = "start",
        .usage = "[<remote>:]<instance> [[<remote>:]<instance>...]",
        .summary = "Start instances",
        .description = "Several instances are started at the same time. A paused one goes on where it was.",
        .options = options,
        .max_args = COMMAND_ANY,
        .run = run,
};
