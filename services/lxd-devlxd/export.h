/* SPDX-License-Identifier: Apache-2.0 */
/* Asking lxd-imaged for the files of an image that a guest wants. */
#pragma once

#include <microhttpd.h>

#include "manager.h"

typedef struct Export Export;

/* What came of it: a response that is the callee's now, or NULL with an HTTP status and a text for the guest. Not called after export_cancel(). */
typedef void (*export_done_t)(struct MHD_Response *response, unsigned status, const char *text, void *userdata);

/* fingerprint: whatever the guest wrote. The answer comes from the event loop, never at once. 0, -errno (done is not called). */
int export_start(Manager *m, const char *project, const char *fingerprint, export_done_t done, void *userdata, Export **ret);
/* The answer is not wanted any more. Accepts NULL. */
void export_cancel(Export *e);
