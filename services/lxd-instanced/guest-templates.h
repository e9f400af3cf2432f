/* SPDX-License-Identifier: Apache-2.0 */
/* Image templates (metadata.yaml, templates/): rendered by lxd-template-worker, whose parser runs without any privilege,
 * and written below the instance's rootfs without following a link. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/str.h"
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

typedef struct GuestTemplatesJob GuestTemplatesJob;

/* r 0 (also: no metadata.yaml, no templates), or negative errno with e set, naming the template. */
typedef void (*guest_templates_reply_t)(int r, const sd_bus_error *e, void *userdata);

/* Applies them; the callback comes once the worker is gone. 0, or negative errno with error set and no callback. All
 * strings are copied. *ret_job may be NULL. A volume without metadata.yaml or without a template for these triggers
 * starts no worker; the callback then comes from the event loop as usual. */
int guest_templates_apply(sd_event *event, const GuestTemplates *t, guest_templates_reply_t callback, void *userdata,
                          GuestTemplatesJob **ret_job, sd_bus_error *error);
/* Kills the worker and forgets the callback. Accepts NULL; returns NULL. */
GuestTemplatesJob *guest_templates_job_free(GuestTemplatesJob *j);
