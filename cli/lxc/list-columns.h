/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of "lxc list". */
#pragma once

#include "lxc.h"

typedef struct ListColumn ListColumn;

/* What the columns of a list need from the server. */
typedef enum ListNeeds {
        LIST_NEEDS_STATE = 1 << 0,      /* state, snapshots or backups: recursion=2 */
} ListNeeds;

struct ListColumn {
        char *title;
        char *(*value)(const ListColumn *column, struct json_object *instance);
        ListNeeds needs;
        char *key;                      /* of a custom column */
        int64_t max_width;              /* in characters; -1: no limit */
        const char *members;            /* of an instance that it looks at, separated by blanks */
};

typedef struct ListColumns {
        ListColumn *columns;
        size_t n;
        ListNeeds needs;
        char **members;                 /* those of all columns */
} ListColumns;

void list_columns_done(ListColumns *c);

/* Parses "ns46,user.comment:COMMENT:10". 'clustered': column L is allowed. Returns 0, or -EINVAL with fail() set. */
int list_columns_parse(const char *text, bool clustered, ListColumns *ret);
