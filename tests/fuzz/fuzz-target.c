/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes target_parse() and the search for a route, and json_body_parse() with its readers. */

#include <stdlib.h>
#include <string.h>

#include "json-args.h"
#include "routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_json(const char *text, size_t size) {
        _cleanup_json_ json_object *o = NULL;
        _cleanup_(config_done) Config c = {};
        _cleanup_(devices_done) Devices d = {};
        _cleanup_strv_free_ Strv v = NULL;
        const char *s = NULL;
        uint64_t t;
        int64_t i;
        bool b;

        if (json_body_parse(text, size, &o, NULL) < 0)
                return;
        (void) json_arg_text(o, "a", &s, NULL);
        (void) json_arg_bool(o, "a", &b, NULL);
        (void) json_arg_int(o, "a", -1, 100, &i, NULL);
        (void) json_arg_time(o, "a", &t, NULL);
        (void) json_arg_config(o, "a", &c, NULL);
        (void) json_arg_devices(o, "a", &d, NULL);
        (void) json_arg_strv(o, "a", &v, NULL);
        if (s && strlen(s) > size)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Request r = { .type = "" };
        char *text = malloc(size + 1);

        memcpy(text, data, size);
        text[size] = '\0';
        if (target_parse(text, &r.target) >= 0) {
                if (route_find(&r, "GET") >= 0 && !r.route->handler)
                        abort();
                for (size_t i = 0; i < ELEMENTSOF(r.labels); i++)
                        if (r.labels[i] && strlen(r.labels[i]) > size)
                                abort();
                target_done(&r.target);
        }
        fuzz_json(text, size);
        free(text);
        return 0;
}
