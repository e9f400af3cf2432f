/* SPDX-License-Identifier: Apache-2.0 */
/* What "lxd init" decides by itself or asks for, as a preseed. */
#pragma once

#include "preseed.h"

/* Options of --auto. NULL or 0: not given. */
typedef struct InitOptions {
        const char *network_address, *storage_backend, *storage_device, *storage_pool, *trust_password;
        int64_t network_port;           /* -1: the default */
        int64_t storage_loop;           /* GB; -1: the server chooses */
} InitOptions;

/* What the server has now; init_state_done() frees it. */
typedef struct InitState {
        char **drivers;                 /* of storage, those that work here */
        char **networks;                /* names of all, managed or not */
        char **pools;                   /* names */
        bool has_network;               /* a managed one */
        struct json_object *devices;    /* of the default profile */
} InitState;

int init_state_load(Client *client, InitState *ret);
void init_state_done(InitState *s);

/* The storage driver to prefer: btrfs, whose copies cost nothing, else dir. */
const char *init_preferred_driver(const InitState *s);

/* Checks options against each other. Returns 0 or -EINVAL with fail() set. */
int init_check_options(const InitOptions *o, bool automatic);

/* The preseed of --auto and --minimal. Never NULL. */
struct json_object *init_plan_auto(const InitState *s, const InitOptions *o);

/* Parts of preseeds. */
void plan_add_pool(struct json_object *preseed, const char *name, const char *driver, struct json_object *config);
void plan_add_network(struct json_object *preseed, const char *name, struct json_object *config);
void plan_add_device(struct json_object *preseed, const char *name, struct json_object *device);
struct json_object *plan_new_device(const char *type, const char *key, const char *value, const char *key2, const char *value2);
void plan_set_address(struct json_object *preseed, const char *address, int64_t port);

/* The first name lxdbrN that is free. */
char *init_free_bridge(const InitState *s);

/* Asks for everything. Returns 0 and the preseed, or -ENODATA with fail() set. */
int init_plan_interactive(const InitState *s, struct json_object **ret);
