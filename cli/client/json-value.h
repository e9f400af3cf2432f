/* SPDX-License-Identifier: Apache-2.0 */
/* Short ways to read and build json-c objects. Readers accept NULL and wrong types and then give the fallback. */
#pragma once

#include <json-c/json.h>

#include "text.h"

/* The member of that name, or of a path "a.b.c"; NULL if any part is missing. Not a new reference. */
struct json_object *jget(struct json_object *o, const char *path);

/* The member of exactly that name, dots and all. */
struct json_object *jget_key(struct json_object *o, const char *key);

/* Its text; "" if missing or null. Numbers and booleans as json-c prints them. */
const char *jstr(struct json_object *o, const char *path);
int64_t jint(struct json_object *o, const char *path);
bool jbool(struct json_object *o, const char *path);

/* Elements of an array, 0 if it is none. */
size_t jlen(struct json_object *array);
struct json_object *jat(struct json_object *array, size_t i);
/* A string element; "" if it is none. */
const char *jstr_at(struct json_object *array, size_t i);

/* Walks over the members of an object; over nothing if it is none. The current one may be removed meanwhile:
 *     JFOREACH(m, o)
 *             use(m.key, m.value); */
typedef struct JMember {
        const char *key;                /* NULL behind the last */
        struct json_object *value;
        struct lh_entry *next;
} JMember;
JMember jmember(struct lh_entry *entry);
struct lh_entry *jentries(struct json_object *o);
#define JFOREACH(m, o) for (JMember m = jmember(jentries(o)); m.key; m = jmember(m.next))

/* Sets a member. Strings are copied, objects consumed. A NULL string sets nothing. */
void jset(struct json_object *o, const char *key, struct json_object *value);
void jset_str(struct json_object *o, const char *key, const char *value);
/* An array of the strings; NULL: of none. */
void jset_strings(struct json_object *o, const char *key, char *const *list);
void jset_bool(struct json_object *o, const char *key, bool value);
void jset_int(struct json_object *o, const char *key, int64_t value);
struct json_object *jnew(void);

/* The member of that name as an object; made (or null replaced) if there is none. Not a new reference. */
struct json_object *jobject(struct json_object *o, const char *key);

/* Copy of the members named, in that order; missing ones are left out. */
struct json_object *jpick(struct json_object *o, const char *const *keys);

/* Deep copy. */
struct json_object *jcopy(struct json_object *o);

/* JSON text without white space, slashes as they are. Lives as long as the object. */
const char *jtext(struct json_object *o);

static inline void json_object_putp(struct json_object **o) {
        json_object_put(*o);
}
#define _cleanup_json_ _cleanup_(json_object_putp)
