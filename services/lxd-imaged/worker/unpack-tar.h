/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacks tar archives. */
#pragma once

#include "worker/unpack.h"

typedef enum UnpackTarKind {
        UNPACK_UNIFIED,  /* metadata.yaml, templates/ and rootfs/ */
        UNPACK_METADATA, /* metadata.yaml and templates/ */
        UNPACK_ROOTFS,   /* what belongs into rootfs/ */
} UnpackTarKind;

/* 0; negative errno with error set. Adds to *notes. */
int unpack_tar(const UnpackJob *job, UnpackTarKind kind, UnpackNotes *notes, sd_bus_error *error);
