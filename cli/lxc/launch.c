/* SPDX-License-Identifier: Apache-2.0 */
/* lxc launch */

#include <stdio.h>

#include "action.h"
#include "console.h"
#include "create.h"

static char *arg_console = NULL;

static int run(Context *c) {
        _cleanup_free_ char *name = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = create_instance(c, &name);
        if (r < 0)
                return r;

        if (!c->client->quiet) {
                printf("Starting %s\n", name);
                fflush(stdout);
        }
        r = action_request(c->client, name, "start", -1, false, false, &reply);
        if (r >= 0)
                r = operation_wait(c->client, &reply, NULL);
        if (r < 0) {
                fail_hint("Try `lxc info --show-log %s` for more info", name);
                return r;
        }
        return arg_console ? console_attach(c->client, name, arg_console) : 0;
}

static const Option options[] = {
        CREATE_OPTIONS_BEFORE_CONSOLE,
        { 0, "console", OPTION_OPTIONAL, &arg_console, "Immediately attach to the console", "console" },
        CREATE_OPTIONS,
        {},
};

const Command command_launch = {
        .name = "launch",
        .usage = "[<remote>:]<image> [<remote>:][<name>]",
        .summary = "Create and start instances from images",
        .examples = "  lxc launch ubuntu:22.04 u1\n"
                    "\n"
                    "  lxc launch ubuntu:22.04 u1 < config.yaml\n"
                    "      Create and start a container with configuration from config.yaml\n"
                    "\n"
                    "  lxc launch ubuntu:22.04 v1 --vm\n"
                    "      Create and start a virtual machine",
        .options = options,
        .max_args = 2,
        .run = run,
};
