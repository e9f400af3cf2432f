/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes image_metadata_parse(): what it accepts has an architecture and a date, what it refuses has a text. */

#include <stdlib.h>

#include "worker/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(image_metadata_done) ImageMetadata m = {};
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = image_metadata_parse((const char *) data, size, &m, &e);

        if (r < 0 ? !sd_bus_error_is_set(&e) || m.architecture || m.properties.n > 0 : !m.architecture || m.created == 0)
                abort();
        return 0;
}
