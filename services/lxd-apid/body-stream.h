/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request as a stream for another daemon. */
#pragma once

#include "request.h"

/* For the handlers of BODY_STREAM routes: makes r->stream and gives the reader's end, the caller's. The reader sees EOF when all of
 * the body has arrived, and ECONNRESET when the client (or this daemon) is gone before that: nobody mistakes half a file for a
 * whole one. 0, -errno. */
int body_stream_new(Request *r, int *ret_fd);

/* Writes what the reader takes now; where it takes less than n the request is to be suspended, and is continued when there is room.
 * A reader that has left takes everything. Bytes taken. */
size_t body_stream_write(BodyStream *s, const char *data, size_t n);
/* All of it has arrived. Frees it; NULL. */
BodyStream *body_stream_finish(BodyStream *s);
/* Not all of it has. Frees it; NULL. */
BodyStream *body_stream_free(BodyStream *s);
