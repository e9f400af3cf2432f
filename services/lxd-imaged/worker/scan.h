/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and reads the metadata of an image without unpacking it. */
#pragma once

#include "worker/metadata.h"

/* fd: the whole image (unified) or its metadata archive. Of a unified image no more is decompressed than it takes to see metadata.yaml and that there is
 * a rootfs; a metadata archive is read to its end. *ret must be zeroed. 0; -EINVAL, -EOPNOTSUPP with error set (what is wrong with the image); -ENOMEM,
 * -errno of reading. */
int image_scan(int fd, bool unified, ImageMetadata *ret, sd_bus_error *error);
