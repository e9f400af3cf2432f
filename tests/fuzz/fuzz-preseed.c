/* SPDX-License-Identifier: Apache-2.0 */
/* What "lxd init --preseed" reads: a document that is taken has no number and no boolean in its maps: all are text. */
#include "preseed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Maps inside of maps are the server's to refuse. */
static void check_config(struct json_object *owner) {
        struct json_object *config = NULL;

        if (!json_object_is_type(owner, json_type_object) || !json_object_object_get_ex(owner, "config", &config) ||
            !json_object_is_type(config, json_type_object))
                return;
        json_object_object_foreach(config, key, value) {
                if (!key || json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double) ||
                    json_object_is_type(value, json_type_boolean))
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct json_object *o = NULL;

        if (preseed_parse((const char *) data, size, &o) < 0) {
                if (o || !fail_text())
                        abort();
                return 0;
        }
        check_config(o);
        json_object_object_foreach(o, key, list) {
                if (key && json_object_is_type(list, json_type_array))
                        for (size_t i = 0; i < json_object_array_length(list); i++)
                                check_config(json_object_array_get_idx(list, i));
        }
        json_object_put(o);
        return 0;
}
