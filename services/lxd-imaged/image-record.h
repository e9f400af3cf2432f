/* SPDX-License-Identifier: Apache-2.0 */
/* Images and aliases as values: what the database holds and REST shows. */
#pragma once

#include "base/str.h"
#include "json-write.h"
#include "keyvalue.h"

#define FINGERPRINT_LENGTH 64U

typedef enum ImageState {
        IMAGE_PENDING = 0,
        IMAGE_CREATED = 1,
        IMAGE_DELETING = 2,
} ImageState;

typedef struct ImageAlias {
        char *name;
        char *description;
} ImageAlias;

typedef struct ImageAliases {
        ImageAlias *items;
        size_t n;
} ImageAliases;

typedef struct ImageRecord {
        int64_t id;
        ImageState state;
        char *project;
        char *fingerprint;
        char *filename;
        uint64_t size;
        char *format; /* unified, split */
        char *type;   /* container */
        char *architecture;
        bool public, auto_update, cached;
        uint64_t created, expires, uploaded, last_used; /* µs, 0 = never */
        Config properties;
        Strv profiles;
        ImageAliases aliases;
} ImageRecord;

typedef struct AliasRecord {
        int64_t id;
        char *project;
        char *name;
        char *description;
        char *target; /* fingerprint */
        char *type;
} AliasRecord;

void image_aliases_done(ImageAliases *a);
/* Appends copies. 0, -ENOMEM. */
int image_aliases_add(ImageAliases *a, const char *name, const char *description);
void image_record_done(ImageRecord *i);
void alias_record_done(AliasRecord *a);

/* REST's objects, with the keys of LXD. */
void image_record_write(const ImageRecord *i, JsonWriter *w);
void alias_record_write(const AliasRecord *a, JsonWriter *w);
/* ETag over what an update can change. 0, -errno. */
int image_record_etag(const ImageRecord *i, char **ret);
int alias_record_etag(const AliasRecord *a, char **ret);

/* The value of a dotted field for filter_match(); userdata is the ImageRecord. Names are those of REST, or LXD's Go names (UpdateSource.Protocol). */
const char *image_record_field(const char *field, char *buffer, size_t size, void *userdata);

/* Is s the beginning (1 to 64 digits) of a fingerprint? */
bool fingerprint_prefix_is_valid(const char *s);
