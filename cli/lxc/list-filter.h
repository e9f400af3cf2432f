/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of "lxc list". */
#pragma once

#include "lxc.h"

typedef struct ListFilters ListFilters;

/* Compiles filter arguments: names, regular expressions, "key=value", shorthands. Never fails: what is no valid
 * regular expression is compared as it is. */
ListFilters *list_filters_new(char *const *arguments);
ListFilters *list_filters_free(ListFilters *f);
DEFINE_CLEANUP(ListFilters, list_filters_free)

/* True if a filter looks at addresses, which only recursion=2 brings. */
bool list_filters_need_state(const ListFilters *f);

/* True if a filter looks at more than names. */
bool list_filters_need_all(const ListFilters *f);

/* True if the instance matches all of them. */
bool list_filters_match(const ListFilters *f, struct json_object *instance);
