/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the user's own. */
#pragma once

#include "text.h"

/* If the arguments (without the program's name) begin with an alias, what it stands for, once. Options in front stay in front. @ARGS@ is
 * all other arguments, @ARG1@ one of them; without either they follow at the end. Returns 1 and the list, to be freed; 0 if there is no
 * alias; -EINVAL with fail() set. */
int alias_expand(char *const *arguments, char ***ret);
