/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes filter_parse() and filter_match(): each value is also what the fields hold. */

#include <stdlib.h>

#include "filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *value(const char *field, char *buffer, size_t size, void *userdata) {
        return strlen(field) % 2 ? userdata : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(filter_freep) Filter *f = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *text = strndup((const char *) data, size);

        if (!text)
                abort();
        if (filter_parse(text, &f, &e) < 0) {
                if (!sd_bus_error_is_set(&e))
                        abort();
                return 0;
        }
        (void) filter_match(f, value, text);
        (void) filter_uses(f, text);
        return 0;
}
