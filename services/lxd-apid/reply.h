/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of the REST API: the envelopes, documents of other daemons, errors. */
#pragma once

#include "json-write.h"
#include "operation.h"
#include "request.h"

/* All of them set the answer of r, once (a second answer is dropped), and return 0. When memory is short the connection is closed. */

/* Sync, 200: the value that w holds, which is emptied. Or metadata {} without one. */
int reply_json(Request *r, JsonWriter *w, const char *etag);
int reply_empty(Request *r);
/* Sync, 201 with a Location (already encoded). */
int reply_created(Request *r, const char *location);
/* Sync, 200: a Document of another daemon, sent as it is. fd stays the caller's. */
int reply_document(Request *r, int fd, const char *etag);
/* Async, 202: the operation. metadata: its JSON, or NULL to take the record's. */
int reply_operation(Request *r, const OperationRecord *record, const char *metadata);
/* Error envelope. text is for the user. */
int reply_error(Request *r, unsigned status, const char *text);
/* The same from a bus error, or from x (negative errno) where that is not set. */
int reply_bus_error(Request *r, int x, const sd_bus_error *error);
/* A body that is not JSON (already made response, which is taken). NULL: out of memory. */
int reply_response(Request *r, unsigned status, struct MHD_Response *response);

/* Response made of an open file: regular ones by sendfile; files that claim to be empty (proc) and others are read until EOF, 4 MiB
 * at most. content_type may be NULL. fd is duplicated. 0, -errno. */
int response_from_file(int fd, const char *content_type, struct MHD_Response **ret);
/* A response with the text (copied). NULL: out of memory. */
struct MHD_Response *response_from_text(const char *text, size_t n, const char *content_type);
/* The envelope of a sync answer around the JSON metadata. 0, -ENOMEM. */
int envelope_sync(const char *metadata, size_t n, char **ret, size_t *ret_size);
