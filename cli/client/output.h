/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what commands found: lists in the format asked for, objects as YAML. */
#pragma once

#include <json-c/json.h>

#include "options.h"
#include "table.h"

/* The entry of a table of options for "-f, --format"; 'variable' is a char*. */
#define OPTION_FORMAT(variable)                                                                               \
        { 'f', "format", OPTION_STRING, &(variable), "Format (csv|json|table|yaml|compact)", NULL, "\"table\"" }

/* Checks a format's name before any work is done (NULL means table). Returns 0, or -EINVAL with fail() set. */
int output_check_format(const char *format);

/* True if the format shows the table, false if it shows the data. */
bool output_is_table(const char *format);

/* Prints the table (table, compact, csv) or the data (json, yaml). Returns 0 or -EINVAL, -EIO with fail() set. */
int output_list(const char *format, const Table *table, struct json_object *data);

/* Prints an object as YAML, its maps sorted and null lists and maps as empty ones. Returns as above. */
int output_yaml(struct json_object *o);

/* The same for a map of free keys, which are sorted. */
int output_yaml_map(struct json_object *o);

/* A map of free keys in their natural order. New reference. */
struct json_object *output_sorted(struct json_object *map);

/* The same into memory, freed by the caller. */
int output_yaml_text(struct json_object *o, char **ret);

/* Appends JSON text indented by tabs, beginning at that depth; 'sorted': members in order of their names. */
void output_json_pretty(struct json_object *o, bool sorted, unsigned depth, Buffer *text);

/* Writes to stdout. Returns 0, or -EIO with fail() set. */
int output_bytes(const void *data, size_t n);
