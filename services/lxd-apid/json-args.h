/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the JSON bodies of requests, strict about types, into the arguments of bus methods. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/str.h"
#include "keyvalue.h"

/* Without json-c's own header, whose json_bool is another one than that of json-write.h. */
typedef struct json_object json_object;

#define JSON_BODY_MAX ((size_t) 4 << 20)
#define JSON_DEPTH_MAX 32

json_object *json_body_free(json_object *o); /* accepts NULL, gives NULL */
static inline void json_body_freep(json_object **o) {
        (void) json_body_free(*o);
}
#define _cleanup_json_ _cleanup_(json_body_freep)

/* Parses one JSON object of at most JSON_BODY_MAX bytes; anything else, anything behind it, more than JSON_DEPTH_MAX levels,
 * invalid UTF-8 and NUL inside strings are refused. 0; -EINVAL with error set; -ENOMEM. The caller owns *ret. */
int json_body_parse(const char *text, size_t n, json_object **ret, sd_bus_error *error);

/* Is there a member of this name that is not null? */
bool json_arg_is_given(json_object *o, const char *key);
/* The element of the array o[list] whose member `key` has this text, as JSON. 0, -ENOENT, -ENOMEM. */
int json_pick(json_object *o, const char *list, const char *key, const char *value, char **ret);

/* All readers: 1 and *ret set when the member is there; 0 and *ret untouched when it is missing or null; -EINVAL with error set
 * ("json: cannot unmarshal number into field config.a of type string") when it has another type; -ENOMEM. */
int json_arg_text(json_object *o, const char *key, const char **ret, sd_bus_error *error);   /* borrowed from o */
int json_arg_bool(json_object *o, const char *key, bool *ret, sd_bus_error *error);
int json_arg_int(json_object *o, const char *key, int64_t min, int64_t max, int64_t *ret, sd_bus_error *error);
int json_arg_object(json_object *o, const char *key, json_object **ret, sd_bus_error *error); /* borrowed from o */
int json_arg_config(json_object *o, const char *key, Config *ret, sd_bus_error *error);       /* object of strings */
int json_arg_devices(json_object *o, const char *key, Devices *ret, sd_bus_error *error);     /* object of those */
int json_arg_strv(json_object *o, const char *key, Strv *ret, sd_bus_error *error);           /* array of strings */
int json_arg_time(json_object *o, const char *key, uint64_t *ret, sd_bus_error *error);       /* RFC 3339, µs */
