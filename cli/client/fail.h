/* SPDX-License-Identifier: Apache-2.0 */
/* The one error a command line tool ends with: set where the reason is known, printed once by main(). */
#pragma once

#include "base/macro.h"

/* Sets the error text (without "Error: " and newline) and returns 'error', a negative errno value. A text that
 * is already set is replaced: the caller that fails last knows the context. */
int fail(int error, const char *format, ...) printf_like(2, 3);

/* Adds a line below the error that says what to do next. */
void fail_hint(const char *format, ...) printf_like(1, 2);

/* Puts "text: " before the error text that is set. Returns 'error'. */
int fail_context(int error, const char *format, ...) printf_like(2, 3);

/* The text so far, or NULL. */
const char *fail_text(void);

/* Forgets text and hint: the failure has been dealt with. */
void fail_clear(void);

/* Prints "Error: text" and the hint to stderr; for an error nobody explained, strerror(). */
void fail_print(int error);
