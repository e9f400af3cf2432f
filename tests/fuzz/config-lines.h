/* SPDX-License-Identifier: Apache-2.0 */
/* Text becomes a configuration and devices: the language of the corpora of configuration keys. */
#pragma once

#include "base/str.h"
#include "keyvalue.h"

/* Lines "key=value" are configuration, "name key=value" belongs to the device of that name; "\n" stands for a line break. What comes before the
 * "=" of other lines is a key without a value. Aborts without memory. */
void config_lines_read(const uint8_t *data, size_t size, Config *config, Devices *devices);
/* No line of a text that we made for others may come from a value: each must begin with a letter, and with prefix if that is not NULL. */
void config_lines_check_text(const char *text, const char *prefix);
