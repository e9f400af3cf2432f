/* SPDX-License-Identifier: Apache-2.0 */
/* lxc init */

#include "create.h"

static int run(Context *c) {
        _cleanup_free_ char *name = NULL;

        return create_instance(c, &name);
}

static const Option options[] = {
        CREATE_OPTIONS_BEFORE_CONSOLE,
        CREATE_OPTIONS,
        {},
};

const Command command_init = {
        .name = "init",
        .usage = "[<remote>:]<image> [<remote>:][<name>]",
        .summary = "Create instances from images",
        .examples = "  lxc init ubuntu:22.04 u1\n"
                    "\n"
                    "  lxc init ubuntu:22.04 u1 < config.yaml\n"
                    "      Create the instance with configuration from config.yaml",
        .options = options,
        .max_args = 2,
        .run = run,
};
