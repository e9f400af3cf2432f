/* SPDX-License-Identifier: Apache-2.0 */
/* lxd: the administrator's tool. The daemons are programs of their own, started by systemd. */

#include <signal.h>
#include <stdio.h>

#include "lxd.h"

static bool arg_help = false, arg_all = false, arg_version = false, arg_debug = false, arg_verbose = false;

static const Option globals[] = {
        { 'd', "debug", OPTION_BOOL, &arg_debug, "Show all debug messages" },
        { 'h', "help", OPTION_BOOL, &arg_help, "Print help" },
        { 'v', "verbose", OPTION_BOOL, &arg_verbose, "Show all information messages" },
        { 0, "version", OPTION_BOOL, &arg_version, "Print version number" },
        {},
};

static const Command *const commands[] = {
        &command_activateifneeded, &command_database, &command_init, &command_shutdown, &command_sql, &command_version,
        &command_waitready, NULL,
};

static int prepare(Context *c) {
        c->client->debug = arg_debug;
        return 0;
}

int main(int argc, char **argv) {
        const Tool tool = {
                .name = "lxd",
                .description = "Administration of LXD on this machine\n"
                               "\n"
                               "What can be done through the REST API is done by \"lxc\"; this is for the rest. The daemons\n"
                               "themselves are started by systemd: see \"systemctl status lxd.target\".",
                .commands = commands,
                .absent = (const char *const[]) { "lxd cluster", "lxd import", "lxd recover", NULL },
                .globals = globals,
                .help = &arg_help,
                .all = &arg_all,
                .version = &arg_version,
                .prepare = prepare,
        };
        Client client;
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        client_init(&client);
        r = tool_run(&tool, &client, argc > 0 ? argv + 1 : argv);
        if (r < 0) {
                fail_print(r);
                r = EXIT_FAILURE;
        } else if (fflush(stdout) != 0 && errno != EPIPE)
                r = EXIT_FAILURE;
        client_done(&client);
        return r;
}
