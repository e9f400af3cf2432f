/* SPDX-License-Identifier: Apache-2.0 */
/* How YAML reads a plain scalar: null, boolean, number, time stamp or string. Used by the reader and, to know
 * what needs quotes, by the writer. */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum YamlScalarType {
        YAML_SCALAR_STRING,
        YAML_SCALAR_NULL,
        YAML_SCALAR_BOOL,
        YAML_SCALAR_INT,
        YAML_SCALAR_FLOAT,
        YAML_SCALAR_TIME,
        YAML_SCALAR_MERGE,
        _YAML_SCALAR_TYPE_MAX,
} YamlScalarType;

/* The type a plain scalar of this text has. Never fails. */
YamlScalarType yaml_scalar_type(const char *text);

/* Makes the JSON object for a scalar of 'size' bytes; !plain means string whatever it looks like.
 * Returns 0 and the object (NULL for null) in *ret, or -ENOMEM. */
int yaml_scalar_resolve(const char *text, size_t size, bool plain, struct json_object **ret);
