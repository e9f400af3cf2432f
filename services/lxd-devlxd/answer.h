/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest API answers: from a path and what is known of the guest. Pure. */
#pragma once

#include "keyvalue.h"

typedef struct Guest {
        char *project, *name, *uuid;
        Config config;   /* with that of its profiles */
        Devices devices;
        const char *type; /* "container" */
} Guest;

void guest_done(Guest *g);

typedef enum AnswerKind {
        ANSWER_RAW,   /* application/octet-stream */
        ANSWER_JSON,
        ANSWER_ERROR, /* text/plain, one line */
} AnswerKind;

typedef struct Answer {
        unsigned status; /* of HTTP */
        AnswerKind kind;
        char *body;
        size_t size;
} Answer;

void answer_done(Answer *a);

/* Is this the event stream, which is no answer? */
bool answer_is_events(const char *path);
/* The fingerprint (strdup) when this is the download of an image, which is no answer either, and the guest may have it. 1; 0 it is something else; -ENOMEM. */
int answer_is_export(const char *path, const Guest *g, char **ret);
/* The answer to GET of this path (decoded, without query). Anything may be in it. 0, -ENOMEM. */
int answer_make(const char *path, const Guest *g, Answer *ret);
/* An error of LXD's form: the text and a line break. 0, -ENOMEM. */
int answer_make_error(unsigned status, const char *text, Answer *ret);
