/* SPDX-License-Identifier: Apache-2.0 */
/* lxc: the command line client of LXD. */

#include <signal.h>
#include <stdio.h>

#include "alias.h"
#include "lxc.h"
#include "settings.h"

static bool arg_help = false, arg_all = false, arg_version = false, arg_quiet = false, arg_debug = false,
        arg_verbose = false, arg_force_local = false, arg_sub_commands = false;
static char *arg_project = NULL;

static const Option root_options[] = {
        { 0, "all", OPTION_BOOL, &arg_all, "Show less common commands" },
        {},
};

static const Option globals[] = {
        { 0, "debug", OPTION_BOOL, &arg_debug, "Show all debug messages" },
        { 0, "force-local", OPTION_BOOL, &arg_force_local, "Force using the local unix socket" },
        { 'h', "help", OPTION_BOOL, &arg_help, "Print help" },
        { 0, "project", OPTION_STRING, &arg_project, "Override the source project" },
        { 'q', "quiet", OPTION_BOOL, &arg_quiet, "Don't show progress information" },
        { 0, "sub-commands", OPTION_BOOL, &arg_sub_commands, "Use with help or --help to view sub-commands" },
        { 'v', "verbose", OPTION_BOOL, &arg_verbose, "Show all information messages" },
        { 0, "version", OPTION_BOOL, &arg_version, "Print version number" },
        {},
};

static const Command *const commands[] = {
        &command_alias, &command_config, &command_console, &command_copy, &command_delete, &command_exec, &command_file,
        &command_image, &command_info, &command_init, &command_launch, &command_list, &command_monitor,
        &command_move, &command_network, &command_operation, &command_pause, &command_profile,
        &command_project, &command_query, &command_remote, &command_rename, &command_restart,
        &command_restore, &command_snapshot, &command_start, &command_stop, &command_storage,
        &command_version, &command_warning, NULL,
};

static const char *const absent[] = {
        "lxc cluster", "lxc export", "lxc file mount", "lxc import", "lxc network acl", "lxc network forward",
        "lxc network peer", "lxc network zone", "lxc project info", "lxc publish",
        "lxc remote add", "lxc remote remove", "lxc remote rename", "lxc remote set-url", "lxc remote switch",
        "lxc storage volume export", "lxc storage volume import", NULL,
};

static int prepare(Context *c) {
        c->client->quiet = arg_quiet;
        c->client->debug = arg_debug;
        c->client->project = xstrdup(!isempty(arg_project) ? arg_project : getenv("LXD_PROJECT") ?: settings_project());
        return 0;
}

/* An alias may be a program of its own: "/usr/bin/script @ARGS@". */
static int run_program(char **argv) {
        (void) signal(SIGPIPE, SIG_DFL);
        (void) execv(argv[0], argv);
        return fail(-errno, "Cannot run %s: %m", argv[0]);
}

int main(int argc, char **argv) {
        const Tool tool = {
                .name = "lxc",
                .description = "Command line client for LXD\n"
                               "\n"
                               "Creates, runs and looks after containers and virtual machines through the LXD daemons of\n"
                               "this machine. Each command explains itself with --help.",
                .commands = commands,
                .absent = absent,
                .root_options = root_options,
                .globals = globals,
                .help = &arg_help,
                .all = &arg_all,
                .version = &arg_version,
                .prepare = prepare,
        };
        _cleanup_list_ char **expanded = NULL;
        Client client;
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        client_init(&client);
        r = argc > 0 ? alias_expand(argv + 1, &expanded) : 0;
        if (r > 0 && expanded[0] && expanded[0][0] == '/')
                r = run_program(expanded);
        if (r >= 0)
                r = tool_run(&tool, &client, expanded ?: argc > 0 ? argv + 1 : argv);
        if (r < 0) {
                fail_print(r);
                r = EXIT_FAILURE;
        } else if (fflush(stdout) != 0 && errno != EPIPE)
                r = EXIT_FAILURE;
        client_done(&client);
        settings_done();
        free(arg_project);
        return r;
}
