/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes yaml_parse(): whatever it accepts must survive being written and read again. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "yaml-json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct json_object *o = NULL, *back = NULL;
        char *text = NULL, *again = NULL, *message = NULL;
        size_t n;

        if (yaml_parse((const char*) data, size, &o, &message) < 0) {
                free(message);
                return 0;
        }

        if (yaml_dump(o, 0, &text, &n) >= 0) {
                if (yaml_parse(text, n, &back, NULL) < 0 || yaml_dump(back, 0, &again, NULL) < 0)
                        abort();
                if (strcmp(text, again) != 0)
                        abort();
                json_object_put(back);
                free(text);
                free(again);
        }
        if (yaml_stringify(&o) < 0)
                abort();
        json_object_put(o);
        return 0;
}
