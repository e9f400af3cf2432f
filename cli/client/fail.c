/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the text of the error that the tool will end with. */

#include <stdio.h>

#include "fail.h"
#include "text.h"

static char *message, *hint;

int fail(int error, const char *format, ...) {
        char *text;
        va_list ap;

        va_start(ap, format);
        text = xvformat(format, ap);
        va_end(ap);

        free(message);
        message = text;
        return error;
}

void fail_hint(const char *format, ...) {
        va_list ap;

        free(hint);
        va_start(ap, format);
        hint = xvformat(format, ap);
        va_end(ap);
}

int fail_context(int error, const char *format, ...) {
        _cleanup_free_ char *context = NULL;
        va_list ap;

        va_start(ap, format);
        context = xvformat(format, ap);
        va_end(ap);

        return fail(error, "%s: %s", context, message ?: strerror(-error));
}

const char *fail_text(void) {
        return message;
}

void fail_clear(void) {
        free(message);
        free(hint);
        message = hint = NULL;
}

void fail_print(int error) {
        fflush(stdout);
        fprintf(stderr, "Error: %s\n", message ?: strerror(-error));
        if (hint)
                fprintf(stderr, "%s\n", hint);
}
