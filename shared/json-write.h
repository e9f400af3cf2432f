/* SPDX-License-Identifier: Apache-2.0 */
/* A streaming JSON writer into memory: no tree, one pass, for lists of thousands of objects. Reading is json-c's. */
#pragma once

#include "base/cleanup.h"
#include "keyvalue.h"

/* A zeroed writer is ready. Errors stick (out of memory): the calls return nothing, json_finish_*() reports. */
typedef struct JsonWriter {
        char *data;
        size_t size, allocated;
        bool comma;  /* the next value at this level needs one */
        int error;
} JsonWriter;

void json_done(JsonWriter *w);

/* Values. `key` is NULL inside arrays and at the top. */
void json_object_begin(JsonWriter *w, const char *key);
void json_object_end(JsonWriter *w);
void json_array_begin(JsonWriter *w, const char *key);
void json_array_end(JsonWriter *w);
void json_string(JsonWriter *w, const char *key, const char *value); /* value NULL gives null; invalid UTF-8 becomes U+FFFD */
void json_stringf(JsonWriter *w, const char *key, const char *format, ...) printf_like(3, 4);
void json_int(JsonWriter *w, const char *key, int64_t value);
void json_uint(JsonWriter *w, const char *key, uint64_t value);
void json_double(JsonWriter *w, const char *key, double value);
void json_boolean(JsonWriter *w, const char *key, bool value);
void json_null(JsonWriter *w, const char *key);
void json_time(JsonWriter *w, const char *key, uint64_t usec);       /* RFC 3339; 0 = year 1 */
void json_strv(JsonWriter *w, const char *key, char *const *v);      /* NULL = [] */
void json_config(JsonWriter *w, const char *key, const Config *c);
void json_devices(JsonWriter *w, const char *key, const Devices *d);
void json_raw(JsonWriter *w, const char *key, const char *json, size_t n); /* json is trusted to be one valid value */

/* REST documents: begin, write exactly one value (the metadata, key NULL), then end. */
void json_document_begin(JsonWriter *w);
/* Ends the envelope and gives it as sealed memfd. fd, -errno. The writer is empty afterwards. */
int json_document_finish(JsonWriter *w);
/* Bare JSON (no envelope) as sealed memfd. fd, -errno. */
int json_finish_memfd(JsonWriter *w);
/* The text, NUL-terminated; caller frees. 0, -ENOMEM. */
int json_finish_text(JsonWriter *w, char **ret);

/* ETag: a hash (64 hex digits) of the text written so far. Used on a writer that holds the editable part of an object. 0, -errno. */
int json_etag(const JsonWriter *w, char **ret);
