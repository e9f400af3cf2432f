/* SPDX-License-Identifier: Apache-2.0 */
/* Image templates (metadata.yaml, templates/): rendered by lxd-template-worker, whose parser runs without any privilege,
 * and written below the instance's rootfs without following a link. */
#pragma once

#include "base/str.h"
#include "guest-worker.h"
#include "keyvalue.h"

typedef struct GuestTemplates {
        const char *volume;        /* directory on the host that holds metadata.yaml, templates/ and rootfs/ */
        char *const *triggers;     /* in this order: "create", "copy", "rename" (volatile.apply_template) and "start" */
        const char *name;          /* of the instance, without project */
        const char *type;          /* "container" */
        const char *architecture;  /* "x86_64" */
        bool privileged;
        bool ephemeral;
        const Config *config;      /* expanded */
        const Devices *devices;    /* expanded; may be NULL */
        char *const *idmap;        /* lxc.idmap lines of the ids on disk (see GuestRoot); NULL = none */
} GuestTemplates;

/* r 0, or negative errno with e set, naming the template. */
typedef void (*guest_templates_reply_t)(int r, const sd_bus_error *e, void *userdata);

extern const GuestWorkersKind guest_templates_workers;

/* Applies them, with workers of that kind, which end by an error: after one the next instance's templates meet no process, and no layout
 * of memory, that the last one's knew. All strings are copied. 1: the callback tells how it ended; 0: there is nothing to do (no metadata.yaml, or no
 * template for these triggers), and no callback; negative errno with error set and no callback. */
int guest_templates_apply(GuestWorkers *workers, const GuestTemplates *t, guest_templates_reply_t callback, void *userdata, sd_bus_error *error);
