/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a multipart/form-data body apart as it arrives. Pure: no descriptors here. */
#pragma once

#include "text.h"

#define MULTIPART_HEAD_MAX (16U * 1024U)
#define MULTIPART_PARTS_MAX 16U

typedef struct MultipartHandler {
        /* A part begins; 'filename' is that of its Content-Disposition, without directories, or "". Results below 0
         * end the parsing and are returned. */
        int (*on_part)(void *userdata, const char *filename);
        int (*on_data)(void *userdata, const void *data, size_t n);
        void *userdata;
} MultipartHandler;

typedef enum MultipartState {
        MULTIPART_PREAMBLE,
        MULTIPART_BOUNDARY_END,         /* behind a boundary: CR LF, or "--" */
        MULTIPART_HEAD,
        MULTIPART_DATA,
        MULTIPART_DONE,
} MultipartState;

typedef struct Multipart {
        MultipartHandler handler;
        char *delimiter;                /* "\r\n--boundary" */
        MultipartState state;
        unsigned n_parts;
        Buffer pending;                 /* bytes that may belong to a delimiter or a head */
} Multipart;

/* Reads the boundary of a Content-Type header. Returns 0, or -EBADMSG if it is not multipart/form-data. */
int multipart_init(Multipart *m, const char *content_type, const MultipartHandler *handler);
void multipart_done(Multipart *m);

/* Returns 0, -EBADMSG: the body is broken, -E2BIG: a head or the number of parts is, or what a handler says. */
int multipart_feed(Multipart *m, const void *data, size_t n);

/* The body has ended. Returns 0, or -EBADMSG if it was cut off. */
int multipart_end(Multipart *m);

/* The file name in a Content-Disposition header, without directories; "" if there is none or it is no name. */
char *disposition_filename(const char *value);
