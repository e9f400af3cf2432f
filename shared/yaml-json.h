/* SPDX-License-Identifier: Apache-2.0 */
/* Converts between YAML text and json-c objects: one document, no aliases, bounded depth and size. */
#pragma once

#include <json-c/json.h>
#include <stddef.h>

#define YAML_SIZE_MAX (16U * 1024U * 1024U)     /* bytes of text */
#define YAML_DEPTH_MAX 64U                      /* nested mappings and sequences */
#define YAML_NODES_MAX (1024U * 1024U)          /* scalars, mappings and sequences of a document */

/* Parses the one YAML document in 'text' ('size' bytes, need not be NUL terminated). Plain scalars become null,
 * boolean, integer or double by the rules of YAML 1.1, but not of its sexagesimal numbers; each keeps its source
 * text, see yaml_text(). Refused: anchors and aliases (a small text could stand for a huge tree), merge keys, a
 * second document, a key that occurs twice, keys that are not scalars, NUL bytes.
 *
 * Returns 0 and the tree in *ret (NULL, which is JSON's null, for an empty document; the caller puts it).
 * Else -EBADMSG: not acceptable YAML, -E2BIG: a limit above is exceeded, -ENOMEM; in each case *ret_message
 * (may be NULL) is a text "yaml: line N: ..." for the user, to be freed, or NULL where memory ran out. */
int yaml_parse(const char *text, size_t size, struct json_object **ret, char **ret_message);

/* The text of a scalar as it stood in the document ("0x10", "yes", "1.10"), or as json-c prints it if the
 * object did not come from yaml_parse(). Returns "" for null and NULL for objects and arrays. The result
 * lives as long as the object. */
const char *yaml_text(struct json_object *o);

/* Makes every scalar below (and at) *o a string that holds its source text; null becomes "". For maps whose values
 * are strings whatever they look like, such as LXD's config and devices. *o is replaced when it is a
 * scalar itself. Returns 0 or -ENOMEM. */
int yaml_stringify(struct json_object **o);

typedef enum YamlDumpFlags {
        YAML_DUMP_SORT = 1 << 0,        /* keys of every mapping in natural order (eth2 before eth10) */
        YAML_DUMP_QUOTE_TIMES = 1 << 1, /* time stamps are strings like others, also under "_at" */
} YamlDumpFlags;

/* Writes 'o' as one YAML document in block style, keys in the order of the object. Strings that would read back
 * as another type are quoted; strings of several lines are literal blocks. A time stamp under a key that ends in
 * "_at" stays plain, as LXD prints it. Returns 0 and text to be freed in *ret (and its length in *ret_size
 * unless NULL), -E2BIG: nested deeper than YAML_DEPTH_MAX, -EINVAL: text that is not UTF-8, -ENOMEM. */
int yaml_dump(struct json_object *o, YamlDumpFlags flags, char **ret, size_t *ret_size);

/* Orders two mapping keys naturally: runs of digits by value, punctuation before digits before letters.
 * Returns <0, 0 or >0. */
int yaml_key_compare(const char *a, const char *b);
