/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the multipart parser: the same body must give the same parts whether it comes whole or byte by byte. */

#include <stdio.h>
#include <stdlib.h>

#include "worker/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Trace {
        char *text;
        size_t size;
        FILE *f;
} Trace;

static int on_begin(const char *name, const char *filename, void *userdata, sd_bus_error *error) {
        fprintf(((Trace *) userdata)->f, "<%s|%s>", name, filename);
        return 0;
}

static int on_data(const void *data, size_t n, void *userdata, sd_bus_error *error) {
        fwrite(data, 1, n, ((Trace *) userdata)->f);
        return 0;
}

static int on_end(void *userdata, sd_bus_error *error) {
        fprintf(((Trace *) userdata)->f, "</>");
        return 0;
}

static int parse(const uint8_t *data, size_t size, size_t step, Trace *t) {
        static const MultipartCallbacks callbacks = { on_begin, on_data, on_end };
        _cleanup_(multipart_freep) Multipart *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = 0;

        t->f = open_memstream(&t->text, &t->size);
        if (!t->f || multipart_new("b", &callbacks, t, &m) < 0)
                abort();
        for (size_t i = 0; r >= 0 && i < size; i += step)
                r = multipart_feed(m, data + i, MIN(step, size - i), &e);
        if (r >= 0)
                r = multipart_finish(m, &e);
        if (r < 0 && !sd_bus_error_is_set(&e))
                abort();
        (void) fclose(t->f);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size), *boundary = NULL;
        Trace whole = {}, bytes = {};
        int a = parse(data, size, MAX(size, (size_t) 1), &whole), b = parse(data, size, 1, &bytes);

        if (a != b || (a >= 0 && (whole.size != bytes.size || memcmp(whole.text, bytes.text, whole.size) != 0)))
                abort();
        free(whole.text);
        free(bytes.text);
        if (text && multipart_boundary(text, &boundary) > 0 && strlen(boundary) > MULTIPART_BOUNDARY_MAX)
                abort();
        return 0;
}
