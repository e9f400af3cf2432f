/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of the server as errors of the tool. */

#include <json-c/json.h>

#include "fail.h"
#include "server-error.h"

int server_error_code(unsigned status) {
        static const struct {
                unsigned status;
                int error;
        } map[] = {
                { 400, -EINVAL }, { 403, -EACCES }, { 404, -ENOENT }, { 409, -EEXIST }, { 412, -ESTALE },
                { 423, -EBUSY }, { 501, -EOPNOTSUPP }, { 503, -EHOSTDOWN },
        };

        for (size_t i = 0; i < ELEMENTSOF(map); i++)
                if (map[i].status == status)
                        return map[i].error;
        return -EPROTO;
}

int server_error(unsigned status, const Buffer *body) {
        struct json_object *o = body->data ? json_tokener_parse(body->data) : NULL, *text = NULL;
        int r = server_error_code(status);

        if (json_object_object_get_ex(o, "error", &text) && json_object_get_string_len(text) > 0)
                (void) fail(r, "%s", json_object_get_string(text));
        else
                (void) fail(r, "The server answered with HTTP status %u and no explanation", status);
        json_object_put(o);
        return r;
}
