/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the skimming reader: of valid JSON it must find the same as the whole parser. */

#include <stdlib.h>

#include "json-skim.h"
#include "json-value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The two readers differ in what is no JSON (what is skipped is not checked), and in names that occur twice. */
static bool is_comparable(const char *text, struct json_object **ret) {
        struct json_tokener *tokener = json_tokener_new();
        const char *first = strstr(text, "\"metadata\"");
        bool valid;

        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
        *ret = json_tokener_parse_ex(tokener, text, (int) strlen(text) + 1);
        valid = json_tokener_get_error(tokener) == json_tokener_success && !strpbrk(text, "\\/'");
        json_tokener_free(tokener);
        return valid && first && !strstr(first + 1, "\"metadata\"");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const keys[] = { "name", "state", "n", NULL };
        struct json_object *list = NULL, *whole = NULL, *picked = NULL;
        char *text = malloc(size + 1);

        memcpy(text, data, size);
        text[size] = 0;
        if (json_skim(text, size, keys, &list) >= 0 && strlen(text) == size && is_comparable(text, &whole)) {
                picked = json_object_new_array();
                for (size_t i = 0; i < jlen(jget(whole, "metadata")); i++)
                        json_object_array_add(picked, jpick(jat(jget(whole, "metadata"), i), keys));
                if (whole && jlen(list) != jlen(picked))
                        abort();
                for (size_t i = 0; whole && i < jlen(list); i++)
                        if (json_object_object_length(jat(list, i)) != json_object_object_length(jat(picked, i)))
                                abort();
                json_object_put(picked);
        }
        json_object_put(whole);
        json_object_put(list);
        free(text);
        return 0;
}
