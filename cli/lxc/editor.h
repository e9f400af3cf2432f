/* SPDX-License-Identifier: Apache-2.0 */
/* Lets the user edit text. */
#pragma once

#include <stddef.h>

/* Opens $VISUAL, $EDITOR or vi on a temporary file with 'text' ('suffix' ends its name) and gives back what is in it
 * afterwards. Returns 0, or a negative errno with fail() set: no editor, or it failed. */
int editor_run(const char *text, size_t size, const char *suffix, char **ret, size_t *ret_size);

/* Asks whether to open the editor again after an error; the error set by fail() is printed and forgotten.
 * Returns 0 to go on, -ECANCELED at the end of input. */
int editor_ask_again(int error);
