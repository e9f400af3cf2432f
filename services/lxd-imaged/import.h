/* SPDX-License-Identifier: Apache-2.0 */
/* Importing an image: from a stream to a created row. */
#pragma once

#include "manager.h"

typedef struct ImportRequest {
        char *project;
        int stream; /* the body of the upload */
        char *content_type;
        char *filename;    /* as the client calls it */
        char *fingerprint; /* expected, "" = any */
        uint64_t size;     /* of the body, UINT64_MAX = any */
        bool public, auto_update;
        Config properties; /* win over those of metadata.yaml */
        ImageAliases aliases;
        Strv profiles;
        uint64_t expires; /* 0 = as metadata.yaml says */
        Requestor who;
} ImportRequest;

void import_request_done(ImportRequest *q);

/* Takes over *q (it is zeroed). The operation runs when this returns. 0; -EEXIST (alias or expected fingerprint is there), -EINVAL, -EHOSTDOWN with error set;
 * -errno. */
int import_start(Manager *m, ImportRequest *q, Operation **ret, sd_bus_error *error);
/* Kills all running imports: their unnamed files vanish. For the end of the process. */
void import_stop_all(Manager *m);

/* Checks of what clients may set. 0, -EINVAL with error set. */
int image_check_properties(const Config *properties, sd_bus_error *error);
int image_check_alias_name(const char *name, sd_bus_error *error);
