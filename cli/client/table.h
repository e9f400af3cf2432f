/* SPDX-License-Identifier: Apache-2.0 */
/* Lists for people and programs: tables with borders, compact tables, CSV. */
#pragma once

#include "text.h"

typedef struct Table Table;

typedef enum TableFormat {
        TABLE_BORDERS,
        TABLE_COMPACT,
        TABLE_CSV,
        TABLE_VERBATIM,                 /* borders, but titles as they are and no lines between rows */
} TableFormat;

/* A table of that many columns; their titles follow by table_title(), in order. */
Table *table_new(void);
Table *table_free(Table *t);
DEFINE_CLEANUP(Table, table_free)

void table_title(Table *t, const char *title);

/* Adds the next cell, taking over 's' or copying it. A row is full when it has a cell for each title. Cells may have
 * several lines. */
void table_cell_take(Table *t, char *s);
void table_cell(Table *t, const char *s);
void table_cellf(Table *t, const char *format, ...) printf_like(2, 3);

/* Sorts the rows by their columns from the left; numbers inside the text count by value. Stable. */
void table_sort(Table *t);

/* Sorts by one column, bytewise. */
void table_sort_by(Table *t, size_t column);

void table_render(const Table *t, TableFormat format, Buffer *out);

/* Natural order of two texts: "c2" before "c10". <0, 0, >0. */
int natural_compare(const char *a, const char *b);
