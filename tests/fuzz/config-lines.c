/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the language of the corpora of configuration keys. */
#include "config-lines.h"

#include <ctype.h>
#include <stdio.h>

#include "lines.h"

static int set_of_device(Devices *devices, const char *name, const char *key, const char *value) {
        const Config *known = devices_get(devices, name);
        _cleanup_(config_done) Config c = {};
        int r = known ? config_copy(known, &c) : 0;

        if (r >= 0)
                r = config_set(&c, key, value);
        return r < 0 ? r : devices_set(devices, name, &c);
}

void config_lines_read(const uint8_t *data, size_t size, Config *config, Devices *devices) {
        _cleanup_free_ char *text = strndup((const char *) data, size);
        char *line, *rest = text;

        while (rest && (line = strsep(&rest, "\n"))) {
                char *value = line, *key = strsep(&value, "="), *name = NULL;

                if (strchr(key, ' '))
                        name = line_unescape(strsep(&key, " "));
                value = value ? line_unescape(value) : key + strlen(key);
                if ((name ? set_of_device(devices, name, line_unescape(key), value) : config_set(config, line_unescape(key), value)) < 0)
                        abort();
        }
        if (!text)
                abort();
}

void config_lines_check_text(const char *text, const char *prefix) {
        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                if (*line == '\n' || *line == '#')
                        continue;
                if (!islower((unsigned char) *line) || (prefix && !startswith(line, prefix))) {
                        fprintf(stderr, "A line is not ours: %s\n", line);
                        abort();
                }
        }
}
