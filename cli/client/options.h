/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a command line, described by tables. */
#pragma once

#include "text.h"

typedef enum OptionType {
        OPTION_BOOL,                    /* bool; "--name", "--name=false" */
        OPTION_STRING,                  /* char*, owned by the variable */
        OPTION_LIST,                    /* char**: may be given several times */
        OPTION_SPLIT,                   /* char**: like LIST, and commas separate values */
        OPTION_INT,                     /* int64_t */
        OPTION_OPTIONAL,                /* char*: "--name" alone means the option's 'fallback' */
        _OPTION_TYPE_MAX,
} OptionType;

typedef struct Option {
        char letter;                    /* 'c' for "-c", or 0 */
        const char *name;               /* NULL ends a table */
        OptionType type;
        void *target;                   /* a variable of the type above */
        const char *help;
        const char *fallback;           /* OPTION_OPTIONAL only */
        const char *shown_default;      /* for the help; NULL: says nothing */
} Option;

typedef enum OptionsFlags {
        OPTIONS_STOP_AT_ARGUMENT = 1 << 0,      /* what follows the first argument is not looked at */
} OptionsFlags;

/* Parses 'argv' (NULL terminated) against up to two tables (either may be NULL). Options may stand anywhere; "--"
 * ends them. The other arguments go to *ret (to be freed with list_free()); with OPTIONS_STOP_AT_ARGUMENT also
 * everything behind the first of them. Returns 0, or -EINVAL with fail() set. Targets of options seen before an
 * error have been set. */
int options_parse(const Option *table, const Option *more, OptionsFlags flags, char **argv, char ***ret);

/* Appends the table to a help text, one line an option, aligned. */
void options_help(const Option *table, Buffer *text);
