/* SPDX-License-Identifier: Apache-2.0 */
/* A row of the benchmark: one operation, prepared, measured once, and cleaned up. */
#pragma once

#include "http.h"

typedef struct Row {
        const char *name;
        /* Measures once. Returns milliseconds, operations per second, or bytes, as rows.tsv says. */
        double (*measure)(Http *h, const char *argument);
        const char *argument;
} Row;

/* Rows by subject; each table ends with a row without a name. */
extern const Row rows_instance[], rows_query[], rows_command[], rows_system[];

/* A name that nothing else in the daemon has: b<pid>-<counter>. Valid until the 8th call after. */
const char *fresh_name(void);

/* Creates an instance from the image alias on the default profile. */
void create_instance(Http *h, const char *name, const char *alias);
void start_instance(Http *h, const char *name);
/* Stops it by force if it runs, and deletes it. */
void delete_instance(Http *h, const char *name);
