/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of the control sockets: what is taken can be read without going astray, and is sent as it came. */
#include "guest-ids.h"
#include "guest-message.h"
#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_message_ GuestMessage m = {};
        _cleanup_free_ char *text = strndup((const char *) data, size), **all = NULL;
        const char *key, *value;
        size_t position = 0, n, seen = 0;
        SessionControl control;
        uint32_t id;

        if (!text)
                abort();
        (void) session_parse_control(text, &control);
        (void) guest_id_to_host((char *[]) { text, NULL }, false, 7, &id);
        if (guest_message_parse(&m, data, size) < 0)
                return 0;
        if (m.size != size || memcmp(m.data, data, size) != 0)
                abort();
        seen = strlen(guest_message_verb(&m)) + 1;
        while (guest_message_next(&m, &position, &key, &n, &value)) {
                if (n == 0 || value != key + n + 1)
                        abort();
                seen += n + 1 + strlen(value) + 1;
        }
        if (seen != size)
                abort();
        if (guest_message_get_all(&m, "arg", &all) < 0)
                abort();
        return 0;
}
