/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and sub-commands: what they are called, take and do, in tables; dispatch and help from them. */
#pragma once

#include "client.h"
#include "options.h"

typedef struct Command Command;

/* What a command is run with. */
typedef struct Context {
        const struct Tool *tool;
        Client *client;
        const Command *command;
        const char *path;               /* "lxc config device add" */
        char **args;                    /* its arguments without options, NULL terminated */
        size_t n_args;
} Context;

struct Command {
        const char *name;
        const char *aliases;            /* "ls", "delete cancel", or NULL */
        const char *usage;              /* the arguments, behind the name: "[<remote>:]<instance>" */
        const char *summary;            /* one line */
        const char *description;        /* more lines below it, or NULL */
        const char *examples;           /* indented by two, or NULL */
        const Option *options;
        unsigned min_args, max_args;    /* COMMAND_ANY: no limit */
        bool uncommon;                  /* only listed with --all */
        const Command *const *children; /* a group, NULL terminated: then run is NULL */
        const void *data;               /* for 'run', where several commands share it; or NULL */
        /* Returns the exit status, or a negative errno with fail() set. */
        int (*run)(Context *c);
};

#define COMMAND_ANY UINT32_MAX

/* A tool: its top level commands and the options that all of them take. */
typedef struct Tool {
        const char *name, *description;
        const Command *const *commands; /* NULL terminated */
        const char *const *absent;      /* paths of commands that people look for and that are not there (yet), "lxc
                                         * publish"; with all below them; NULL terminated */
        const Option *root_options;     /* only without a command */
        const Option *globals;
        bool *help, *all, *version;     /* variables of --help, --all and --version */
        /* Runs between parsing and the command; NULL: nothing. */
        int (*prepare)(Context *c);
} Tool;

/* Finds and runs the command that argv (without the program's name) names. Returns its exit status, or a negative errno with fail() set. */
int tool_run(const Tool *tool, Client *client, char **argv);

/* The command among 'table' of that name or alias, or NULL. */
const Command *command_find(const Command *const *table, const char *name);

/* Prints the help of the command that runs, for one called without what it needs. Returns 0: that is no error. */
int command_usage(Context *c);

/* The help of one command as text. 'path' as in Context. */
void command_help(const Tool *tool, const Command *command, const char *path, bool all, Buffer *text);
