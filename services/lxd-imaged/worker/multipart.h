/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data as a push parser: any chunking of the input gives the same parts. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

#define MULTIPART_BOUNDARY_MAX 70U  /* RFC 2046 */
#define MULTIPART_HEADER_MAX 8192U  /* bytes of the headers of one part */
#define MULTIPART_PARTS_MAX 16U

typedef struct Multipart Multipart;

/* Each returns 0 to go on or a negative errno with error set, which ends the parsing. */
typedef struct MultipartCallbacks {
        int (*begin)(const char *name, const char *filename, void *userdata, sd_bus_error *error); /* filename may be "" */
        int (*data)(const void *data, size_t n, void *userdata, sd_bus_error *error);
        int (*end)(void *userdata, sd_bus_error *error);
} MultipartCallbacks;

/* Takes the boundary out of a Content-Type. 1 it is multipart/form-data, 0 it is something else, -EINVAL (no or bad boundary), -ENOMEM. */
int multipart_boundary(const char *content_type, char **ret);

/* callbacks must outlive the parser. 0, -ENOMEM. */
int multipart_new(const char *boundary, const MultipartCallbacks *callbacks, void *userdata, Multipart **ret);
Multipart *multipart_free(Multipart *m);
DEFINE_CLEANUP(Multipart, multipart_free)

/* The next bytes of the body. 0; -EINVAL with error set when it is no multipart text; what a callback returned; -ENOMEM. */
int multipart_feed(Multipart *m, const void *data, size_t n, sd_bus_error *error);
/* The end of the body. 0; -EINVAL with error set when the last boundary has not come. */
int multipart_finish(Multipart *m, sd_bus_error *error);
