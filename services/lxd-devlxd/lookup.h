/* SPDX-License-Identifier: Apache-2.0 */
/* Asking lxd-instanced about the guest that calls. */
#pragma once

#include <systemd/sd-bus.h>

#include "answer.h"
#include "caller.h"
#include "manager.h"

typedef struct Lookup Lookup;

/* What came of it: guest (borrowed) with status 200, or an HTTP status and a text for the guest. Not called after lookup_cancel(). */
typedef void (*lookup_done_t)(const Guest *guest, unsigned status, const char *text, void *userdata);

/* Gets the guest, and whether the caller may ask: the root user of the guest only, and not when security.devlxd is off. The answer comes
 * from the event loop, never at once. 0, -errno (done is not called). */
int lookup_start(Manager *m, const Caller *caller, lookup_done_t done, void *userdata, Lookup **ret);
/* The answer is not wanted any more. Accepts NULL. */
void lookup_cancel(Lookup *l);
