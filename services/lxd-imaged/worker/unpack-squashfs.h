/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacks a squashfs. */
#pragma once

#include "worker/unpack.h"

/* Makes rootfs in the target, which must not have one. 0; negative errno with error set. Adds to *notes. */
int unpack_squashfs(const UnpackJob *job, UnpackNotes *notes, sd_bus_error *error);
