/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the lives of objects: the signal Operations1.Lifecycle, and the entry in the journal that stands for it. */
#pragma once

#include "log.h"
#include "operation.h"

typedef struct LifecycleAction {
        const char *name;       /* LXD's: "instance-created" */
        const char *message_id; /* its text is in units/lxd.catalog */
        const char *text;       /* of the entry; NULL: whoever emits it writes the entry, because more is known there */
        int level;              /* LOG_DEBUG for what only reads, or comes by the thousand */
} LifecycleAction;

/* Ends with a zeroed one. */
extern const LifecycleAction lifecycle_actions[];

/* Emits the signal and writes the entry. action is LXD's name, source the object's URL; context and who may be NULL. about says what
 * the entry is about; its project is the event's, its requestor and message_id are filled in here. 0, -errno: the signal could not be sent. */
int lifecycle_emit(Operations *o, const char *action, const char *source, const Config *context, const Requestor *who,
                   const LogFields *about);
