/* SPDX-License-Identifier: Apache-2.0 */
/* REST's filter= expressions: parsed once, then asked for every object of a list. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

#define FILTER_SIZE_MAX 4096U  /* bytes of an expression */
#define FILTER_CLAUSES_MAX 64U /* comparisons in it */

typedef struct Filter Filter;

/* Gives the value of a dotted field ("name", "config.image.os", "devices.eth0.nictype") of the object that userdata stands for: text that lives
 * until the next call (numbers and booleans as JSON spells them; buffer of size bytes may hold it), or NULL when there is no such field. */
typedef const char *(*filter_value_t)(const char *field, char *buffer, size_t size, void *userdata);

/* Parses `FIELD eq|ne VALUE`, joined by `and` and `or` (from left to right, neither binds stronger), each with or without `not` in front;
 * operators in any case, words with spaces in double quotes. A blank expression gives *ret = NULL, the filter that everything passes.
 * 0; -EINVAL with error set to InvalidArgument "Invalid filter: ..."; -ENOMEM. */
int filter_parse(const char *text, Filter **ret, sd_bus_error *error);
Filter *filter_free(Filter *f); /* accepts NULL, gives NULL */
DEFINE_CLEANUP(Filter, filter_free)

/* Does the object pass? A value is compared as a whole and in any case; it may be an extended regular expression, as in LXD
 * (without {n,m} and back references, which make matching expensive: such a value is plain text). A field that
 * is missing equals nothing. f may be NULL (passes). */
bool filter_match(const Filter *f, filter_value_t value, void *userdata);

/* Is there a comparison of this field or of one below it ("state" for "state.pid")? For lists that gather costly fields only when asked. */
bool filter_uses(const Filter *f, const char *field);
