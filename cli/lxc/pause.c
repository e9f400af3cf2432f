/* SPDX-License-Identifier: Apache-2.0 */
/* lxc pause */

#include "action.h"

static bool arg_all = false;

static int run(Context *c) {
        return action_run(c, &(Action) { .verb = "pause", .name = "freeze", .all = arg_all });
}

static const Option options[] = {
        { 0, "all", OPTION_BOOL, &arg_all, "Run against all instances" },
        {},
};

const Command command_pause = {
        .name = "pause",
        .usage = "[<remote>:]<instance> [[<remote>:]<instance>...]",
        .summary = "Pause instances",
        .description = "A paused instance keeps its memory but gets no CPU time, until \"lxc start\".",
        .options = options,
        .max_args = COMMAND_ANY,
        .run = run,
};
