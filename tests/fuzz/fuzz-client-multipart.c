/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the parser of multipart bodies: cutting one differently must not change what is read from it. */

#include <stdlib.h>

#include "multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_part(void *userdata, const char *filename) {
        if (strchr(filename, '/') || streq(filename, "..") || streq(filename, "."))
                abort();
        buffer_printf(userdata, "[%s]", filename);
        return 0;
}

static int on_data(void *userdata, const void *data, size_t n) {
        buffer_append(userdata, data, n);
        return 0;
}

static int parse(const uint8_t *data, size_t size, size_t step, Buffer *out) {
        Multipart m = {};
        int r;

        r = multipart_init(&m, "multipart/form-data; boundary=X", &(MultipartHandler) { on_part, on_data, out });
        for (size_t i = 0; i < size && r >= 0; i += MIN(step, size - i))
                r = multipart_feed(&m, data + i, MIN(step, size - i));
        if (r >= 0)
                r = multipart_end(&m);
        multipart_done(&m);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Buffer whole = {}, pieces = {};
        int r, q;

        r = parse(data, size, SIZE_MAX, &whole);
        q = parse(data, size, 2, &pieces);
        /* A head may be found too long sooner or later, but what is complete is the same. */
        if (r >= 0 && q >= 0 &&
            (whole.size != pieces.size || (whole.size > 0 && memcmp(whole.data, pieces.data, whole.size) != 0)))
                abort();
        buffer_done(&whole);
        buffer_done(&pieces);
        return 0;
}
