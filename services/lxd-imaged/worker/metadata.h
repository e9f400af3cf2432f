/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.yaml of an image: what it must be, and what the store keeps of it. Pure. */
#pragma once

#include <systemd/sd-bus.h>

#include "keyvalue.h"

#define METADATA_SIZE_MAX (1024U * 1024U) /* bytes of metadata.yaml */
#define METADATA_ITEMS_MAX 1024U          /* properties, templates, properties of a template */
#define METADATA_VALUE_MAX (32U * 1024U)  /* bytes of one property */

typedef struct ImageMetadata {
        char *architecture; /* the kernel's name: x86_64 */
        uint64_t created;   /* µs since the epoch */
        uint64_t expires;   /* µs since the epoch, 0 = never */
        Config properties;
} ImageMetadata;

void image_metadata_done(ImageMetadata *m);

/* Reads and checks the whole text, templates too. *ret must be zeroed and stays so on failure. 0; -EINVAL with error set to what is wrong and
 * where; -ENOMEM. */
int image_metadata_parse(const char *text, size_t size, ImageMetadata *ret, sd_bus_error *error);

/* The kernel's name of an architecture in any of the spellings images use (amd64, i386, arm64, ...), static text; NULL when there is no such. */
const char *architecture_name(const char *s);
