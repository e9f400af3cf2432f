/* SPDX-License-Identifier: Apache-2.0 */
/* Line breaks inside of lines. */
#include "lines.h"

#include <stdbool.h>

char *line_unescape(char *text) {
        char *to = text;

        for (const char *from = text; *from; to++) {
                bool escaped = from[0] == '\\' && from[1] == 'n';

                *to = escaped ? '\n' : *from;
                from += escaped ? 2 : 1;
        }
        *to = '\0';
        return text;
}
