/* SPDX-License-Identifier: Apache-2.0 */
/* Storage pools: making, changing, removing, describing. */
#pragma once

#include "json-write.h"
#include "task.h"

/* Kinds of tasks; what the caller fills in first. All answer for the object's bus methods. */
extern const TaskKind pool_create_kind;    /* pool.name, driver, description, config; pool_name; lock: pool exclusive */
extern const TaskKind pool_update_kind;    /* pool_name, description, config, flags, etag; lock: pool exclusive */
extern const TaskKind pool_delete_kind;    /* pool_name; lock: pool exclusive */
extern const TaskKind pool_recover_kind;   /* pool; lock: pool exclusive */
extern const TaskKind pool_describe_kind;  /* pool_name */
extern const TaskKind pool_list_kind;      /* recursion */
extern const TaskKind pool_resources_kind; /* pool_name; lock: pool shared */

/* Checks a new pool's name and driver. 0, -EINVAL with error set. */
int pool_check_new(const char *name, const char *driver, sd_bus_error *error);
/* A task on a pool by its name, with its lock. 0, -ENOMEM. */
int pool_task_new(Manager *m, const TaskKind *kind, const char *name, bool exclusive, Task **ret);
/* Emits a lifecycle event of a pool. */
void pool_emit(Task *t, const char *action);
/* t->document becomes the array whose items write() writes. 0, -errno with error set. */
int task_list(Task *t, int (*write)(Task *t, JsonWriter *w, sd_bus_error *error), sd_bus_error *error);
/* Answers of kinds that give a document. */
int task_reply_document(Task *t, sd_bus_message *reply);      /* h */
int task_reply_document_etag(Task *t, sd_bus_message *reply); /* h, s */
