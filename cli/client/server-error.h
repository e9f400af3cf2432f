/* SPDX-License-Identifier: Apache-2.0 */
/* Turns an answer that is not a success into the tool's error. */
#pragma once

#include "text.h"

/* Sets fail() to the text of LXD's error document in 'body', or to the status if there is none. Returns the
 * errno of the HTTP status: -ENOENT 404, -EEXIST 409, -EACCES 403, -ESTALE 412, -EINVAL 400, -EBUSY 423,
 * -EOPNOTSUPP 501, -EHOSTDOWN 503, else -EPROTO. */
int server_error(unsigned status, const Buffer *body);
int server_error_code(unsigned status);
