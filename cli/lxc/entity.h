/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done in the same way to everything that has a configuration: instances, profiles, networks, pools,
 * volumes, images, projects, certificates, the server. */
#pragma once

#include "lxc.h"

typedef struct Entity {
        const char *path;               /* of the API, with query */
        const char *map;                /* the member that holds keys and values; NULL: "config" */
        const char *const *shown;       /* members in the order in which "show" prints them; others follow */
        const char *const *writable;    /* those that PUT takes; also what "edit" lets through */
        const char *help;               /* lines above the text in the editor, with "### " before each */
        bool only_shown;                /* "show" prints no others */
        bool get_if_set;                /* "get" of a key that is not set prints nothing, not even an empty line */
        bool strict_unset;              /* "unset" of a key that is not set is an error */
} Entity;

/* Each is a sub-command; they return 0 or a negative errno with fail() set. */
int entity_get(Context *c, const Entity *e, const char *key);
int entity_set(Context *c, const Entity *e, char *const *arguments);
int entity_unset(Context *c, const Entity *e, const char *key);
int entity_show(Context *c, const Entity *e);
int entity_edit(Context *c, const Entity *e);

/* Reads the object, has 'change' modify its writable part, writes it back; refused by the server if somebody
 * else changed it meanwhile. */
int entity_change(Context *c, const Entity *e, int (*change)(struct json_object *o, void *userdata), void *userdata);

/* The object as "show" prints it. New reference. */
struct json_object *entity_order(const Entity *e, struct json_object *o);

/* Parses YAML text as a request: writable members only, values of maps as strings. Members that are merely shown
 * are left out, unknown ones as well, with a warning. Returns 0 or -EINVAL with fail() set. */
int entity_parse(const Entity *e, const char *text, size_t size, struct json_object **ret);

/* A kind of object whose sub-commands are alike. It is the 'data' of a Command with one of the functions below as 'run'. */
typedef struct EntityKind {
        const char *title;              /* "Network", of "Network br0 deleted" */
        /* Finds out which one the first argument names. *ret_path and *ret_name are to be freed, also after an error.
         * Returns 0, or a negative errno with fail() set. */
        int (*find)(Context *c, Entity *ret, char **ret_path, char **ret_name);
} EntityKind;

int entity_run_delete(Context *c);
int entity_run_edit(Context *c);
int entity_run_get(Context *c);
int entity_run_rename(Context *c);
int entity_run_set(Context *c);
int entity_run_show(Context *c);
int entity_run_unset(Context *c);

/* A list of all objects of a kind: the 'data' of a Command that has entity_run_list() as 'run'. */
typedef struct EntityList {
        const char *path;               /* of the API, with "recursion=1" */
        const char *const *titles;      /* NULL terminated */
        /* Adds a cell for each title; or none, and then only the formats for programs have the object. */
        void (*row)(Context *c, Table *table, struct json_object *o);
        char *const *format;            /* variable of --format */
} EntityList;

int entity_run_list(Context *c);
