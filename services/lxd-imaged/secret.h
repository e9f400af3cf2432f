/* SPDX-License-Identifier: Apache-2.0 */
/* One-time secrets: who has one may download one private image. */
#pragma once

#include "manager.h"

#define SECRET_LIFETIME_USEC (5 * 60 * USEC_PER_SEC)

/* A token operation with metadata "secret" (64 hexadecimal digits); it ends when the secret is used, cancelled or too old. 0, -errno with error set. */
int secret_new(Manager *m, const ImageRecord *i, const Requestor *who, Operation **ret, sd_bus_error *error);
/* Is it the secret of this image? Compares in constant time. A download may come in several requests, so it is good until SECRET_LIFETIME_USEC have passed. */
bool secret_check(Manager *m, const char *project, const char *fingerprint, const char *secret);
void secret_drop_all(Manager *m);
