/* SPDX-License-Identifier: Apache-2.0 */
/* lxc pause */

#include "action.h"

static Action action = { .verb = "pause", .name = "freeze" };

static const Option options[] = {
        { 0, "all", OPTION_BOOL, &action.all, "Run against all instances" },
        {},
};

const Command command_pause = {
        .name = "pause",
        .usage = "[<remote>:]<instance> [[<remote>:]<instance>...]",
        .summary = "Pause instances",
        .description = "A paused instance keeps its memory but gets no CPU time, until \"lxc start\".",
        .options = options,
        .max_args = COMMAND_ANY,
        .data = &action,
        .run = action_run,
};
