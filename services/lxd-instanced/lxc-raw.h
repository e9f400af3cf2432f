/* SPDX-License-Identifier: Apache-2.0 */
/* raw.lxc: lines of liblxc configuration from the user, checked and split. */
#pragma once

#include "keyvalue.h"

/* Calls line(key, value, userdata) for each setting; stops at the first negative return value, which is returned.
 * -EINVAL when a line is not "lxc.<key> = <value>"; *ret_reason then has static text. */
int raw_lxc_foreach(const char *text, int (*line)(const char *key, const char *value, void *userdata), void *userdata,
                    const char **ret_reason);
/* Are all lines well formed and allowed? 0, -EINVAL with *ret_reason. */
int raw_lxc_check(const char *text, const char **ret_reason);
/* Is there something about networks or namespaces? */
bool raw_lxc_has_network(const char *text);
