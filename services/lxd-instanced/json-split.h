/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a JSON object of another daemon apart into its members' texts, without building a tree. */
#pragma once

#include "base/cleanup.h"

typedef struct JsonMember {
        const char *key, *value;         /* into the text; key without quotes, escapes are left as they are */
        size_t key_length, value_length;
} JsonMember;

/* Members of the one object that text is. 0 and *ret (freed by the caller; NULL when empty); -EBADMSG, -ENOMEM. */
int json_split_object(const char *text, JsonMember **ret, size_t *ret_n);
