/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of images: unpacked once per pool, the origin of instances. */
#pragma once

#include "volume.h"

/* A volume of an instance from an image's: volume task with source.name = fingerprint. */
extern const TaskKind image_instance_kind;
/* Removes an image's volumes in all pools: volume.name = fingerprint. */
extern const TaskKind image_delete_kind;

/* The task that makes an image's volume in a pool if it is missing; its `then` is to be set. 0, -ENOMEM. */
int image_ensure_task_new(Manager *m, const char *pool, const char *fingerprint, Task **ret);
/* Locks the image of a task. 0, -ENOMEM. */
int image_lock(Task *t, bool exclusive, const char *fingerprint);
/* Is the image's volume there? 1, 0, -errno. */
int image_is_there(Manager *m, const char *pool, const char *fingerprint);
