/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a few members out of a big answer without building the rest: a list of a thousand instances is 2 MB, of
 * which a table shows a hundredth. */
#pragma once

#include <json-c/json.h>
#include <stddef.h>

/* 'text' is LXD's envelope with an array of objects as its "metadata". *ret gets an array of objects that have only
 * the members named in 'keys' (NULL terminated). What is left out is walked over, not checked. Returns 0, or
 * -EBADMSG if the text is not of that form; then the whole of it is to be parsed. 'text' has a NUL at text[size]. */
int json_skim(const char *text, size_t size, const char *const *keys, struct json_object **ret);
