/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of instances and of profiles: the same sub-commands for both. */
#pragma once

#include "entity.h"

/* What has devices: instances or profiles. */
typedef struct DeviceOwner {
        const char *collection;         /* of the API */
        const char *const *writable, *const *shown;     /* as in Entity */
        bool has_snapshots;             /* a name may be one's, "c1/snap0" */
} DeviceOwner;
extern const DeviceOwner owner_instance, owner_profile;

/* The entity of one of them, never a snapshot, by its name; the path is to be freed. */
Entity owner_entity(const DeviceOwner *owner, const char *name, char **ret_path);

/* The entity that the first argument names; the path is to be freed. Returns 0 or a negative errno. */
int device_entity(Context *c, const DeviceOwner *owner, Entity *ret, char **ret_path, char **ret_name);
/* The same to change it, which a snapshot's devices cannot be. */
int device_entity_writable(Context *c, const DeviceOwner *owner, Entity *ret, char **ret_path, char **ret_name);

/* Sub-commands, with the DeviceOwner as their 'data'. */
int device_add(Context *c);
int device_get(Context *c);
int device_list(Context *c);
int device_remove(Context *c);
int device_set(Context *c);
int device_show(Context *c);
int device_unset(Context *c);

/* The devices that an instance gets from profiles of these names, the last wins; NULL stands for "default". Returns 0 and
 * a map (new reference), or a negative errno with fail() set. */
int profiles_devices(Client *client, struct json_object *profiles, struct json_object **ret);

/* Adds (or with 'device' NULL removes) a device of an entity; 'device' is consumed. Refuses to add one that exists,
 * and to remove one that does not. */
int device_change(Context *c, const Entity *e, const char *name, struct json_object *device);

/* The same for a device that something is attached by: what is in the way is named. */
int device_attach(Context *c, const Entity *e, const char *name, struct json_object *device);

/* Writable members of instances and profiles. */
extern const char *const instance_writable[], *const instance_shown[], *const profile_writable[],
        *const profile_shown[];
