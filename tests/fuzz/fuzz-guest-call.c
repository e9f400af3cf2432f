/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to the programs of a guest's unit: whatever comes, nothing is read that is not there. */
#include "dbus-wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const char *s, const uint8_t *data, size_t size) {
        if ((const uint8_t *) s < data || (const uint8_t *) s + strlen(s) >= data + size)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        DbusReader pairs;
        DbusMessage m;
        const char *s;

        if (dbus_message_size(data, size) != (ssize_t) size || dbus_message_parse(data, size, &m) < 0)
                return 0;
        if (*m.signature)
                inside(m.signature, data, size);
        if (m.error_name)
                inside(m.error_name, data, size);
        if (dbus_get_string(&m.body, &s) <= 0)
                return 0;
        inside(s, data, size);
        while (dbus_get_array_of_structs(&m.body, &pairs) > 0)
                while (dbus_enter_struct(&pairs) > 0)
                        for (unsigned i = 0; i < 2; i++) {
                                if (dbus_get_string(&pairs, &s) <= 0)
                                        return 0;
                                inside(s, data, size);
                        }
        return 0;
}
