/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatches to commands and writes their help. */

#include <stdio.h>

#include "command.h"
#include "fail.h"

static bool has_alias(const Command *c, const char *name) {
        _cleanup_list_ char **aliases = c->aliases ? list_split(c->aliases, ' ') : NULL;

        return list_contains(aliases, name);
}

const Command *command_find(const Command *const *table, const char *name) {
        for (; *table; table++)
                if (streq((*table)->name, name) || has_alias(*table, name))
                        return *table;
        return NULL;
}

static void help_indented(Buffer *text, const char *lines) {
        while (*lines) {
                size_t n = strcspn(lines, "\n");

                buffer_printf(text, n > 0 ? "  %.*s\n" : "%.*s\n", (int) n, lines);
                lines += n + (lines[n] == '\n');
        }
}

static void help_children(Buffer *text, const Command *const *children, bool all) {
        size_t width = 11;

        for (const Command *const *c = children; *c; c++)
                if (all || !(*c)->uncommon)
                        width = MAX(width, strlen((*c)->name));

        buffer_puts(text, "\nAvailable Commands:\n");
        for (const Command *const *c = children; *c; c++)
                if (all || !(*c)->uncommon)
                        buffer_printf(text, "  %-*s %s\n", (int) width, (*c)->name, (*c)->summary);
}

void command_help(const Tool *tool, const Command *command, const char *path, bool all, Buffer *text) {
        const Command *const *children = command ? command->children : tool->commands;

        buffer_puts(text, "Description:\n");
        help_indented(text, command ? command->summary : tool->description);
        if (command && command->description) {
                buffer_putc(text, '\n');
                help_indented(text, command->description);
        }

        buffer_puts(text, "\nUsage:\n");
        if (children)
                buffer_printf(text, command ? "  %s [flags]\n  %s [command]\n" : "  %s [command]\n", path, path);
        else
                buffer_printf(text, "  %s%s%s%s\n", path, command->usage ? " " : "", strempty(command->usage),
                              command->usage && strstr(command->usage, "[flags]") ? "" : " [flags]");

        if (command && command->aliases) {
                _cleanup_list_ char **aliases = list_split(command->aliases, ' ');
                buffer_printf(text, "\nAliases:\n  %s", command->name);
                for (char **a = aliases; *a; a++)
                        buffer_printf(text, ", %s", *a);
                buffer_putc(text, '\n');
        }
        if (command && command->examples)
                buffer_printf(text, "\nExamples:\n%s\n", command->examples);
        if (children)
                help_children(text, children, all);
        if (command && command->options) {
                buffer_puts(text, "\nFlags:\n");
                options_help(command->options, text);
        }

        buffer_puts(text, command ? "\nGlobal Flags:\n" : "\nFlags:\n");
        if (!command && tool->root_options)
                options_help(tool->root_options, text);
        options_help(tool->globals, text);
        if (children)
                buffer_printf(text, "\nUse \"%s [command] --help\" for more information about a command.\n", path);
}

static int print_help_to(FILE *f, const Tool *tool, const Command *command, const char *path) {
        _cleanup_buffer_ Buffer text = {};

        command_help(tool, command, path, *tool->all, &text);
        fputs(text.data, f);
        return 0;
}

static int print_help(const Tool *tool, const Command *command, const char *path) {
        return print_help_to(stdout, tool, command, path);
}

int command_usage(Context *c) {
        return print_help(c->tool, c->command, c->path);
}

static int unknown_command(const Tool *tool, const char *name, const char *path) {
        _cleanup_free_ char *full = xformat("%s %s", path, name);

        (void) fail(-EINVAL, "unknown command \"%s\" for \"%s\"", name, path);
        fail_hint("\"%s --help\" lists what there is", path);
        for (const char *const *a = tool->absent; a && *a; a++)
                if (streq(*a, full))
                        fail_hint("LXD has it, but this version does not yet; \"%s --help\" lists what there is", path);
        return -EINVAL;
}

static int run_leaf(const Tool *tool, Client *client, const Command *command, const char *path, char **argv) {
        _cleanup_list_ char **args = NULL;
        Context c = { .tool = tool, .client = client, .command = command, .path = path };
        int r;

        r = options_parse(command->options, tool->globals, 0, argv, &args);
        if (r < 0)
                return r;
        if (*tool->help)
                return print_help(tool, command, path);
        if (*tool->version) {
                printf("%s\n", LXD_VERSION);
                return 0;
        }

        c.args = args;
        c.n_args = list_length(args);
        if (c.n_args < command->min_args || c.n_args > command->max_args) {
                (void) print_help(tool, command, path);
                if (c.n_args == 0)
                        return 0;
                return fail(-EINVAL, "Invalid number of arguments");
        }

        if (tool->prepare) {
                r = tool->prepare(&c);
                if (r < 0)
                        return r;
        }
        return command->run(&c);
}

static int run_level(const Tool *tool, Client *client, const Command *group, const char *path, char **argv) {
        const Command *const *children = group ? group->children : tool->commands;
        const Command *child;
        _cleanup_list_ char **args = NULL, **more = NULL;
        _cleanup_free_ char *name = NULL;
        int r;

        r = options_parse(group ? NULL : tool->root_options, tool->globals, OPTIONS_STOP_AT_ARGUMENT, argv, &args);
        if (r < 0)
                return r;
        if (*tool->version) {
                printf("%s\n", LXD_VERSION);
                return 0;
        }

        argv = args;
        if (!group && argv[0] && streq(argv[0], "help")) {
                r = options_parse(tool->root_options, tool->globals, OPTIONS_STOP_AT_ARGUMENT, argv + 1, &more);
                if (r < 0)
                        return r;
                *tool->help = true;
                argv = more;
        }
        if (!argv[0])           /* a group alone does nothing: what a script then takes from stdout is not to be help */
                return print_help_to(group && !*tool->help ? stderr : stdout, tool, group, path);

        child = command_find(children, argv[0]);
        if (!child)
                return unknown_command(tool, argv[0], path);

        name = xformat("%s %s", path, child->name);
        if (child->children)
                return run_level(tool, client, child, name, argv + 1);
        return run_leaf(tool, client, child, name, argv + 1);
}

int tool_run(const Tool *tool, Client *client, char **argv) {
        return run_level(tool, client, NULL, tool->name, argv);
}
