/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an image as the body of an HTTP answer: one as it is, two as multipart/form-data. */
#pragma once

#include <microhttpd.h>
#include <stddef.h>

/* names and fds: one file (unified image), or metadata and rootfs. The descriptors stay the caller's. 0 with headers and body in *ret; -EBADMSG (a name
 * that is not fit for a header, another number of files), -ENOMEM, -errno. */
int http_files_response(const char *const names[], const int fds[], size_t n, struct MHD_Response **ret);
