/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what comes over the socket: HTTP through the real front end, to owners that only pretend. */

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "http.h"
#include "rest-fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static RestFixture *f;

        if (!f) {
                f = calloc(1, sizeof(*f));
                if (!f || rest_open(f) < 0)
                        abort();
        }
        if (size > 65536 || memmem(data, size, "crash", 5)) /* an owner that dies is no part of this, and does not come back */
                return 0;
        rest_clear(f);
        if (rest_connect(f) < 0)
                abort();
        if (size > 0)
                (void) rest_send(f, data, size);
        while (sd_event_run(f->event, 0) > 0)
                ;
        f->client = close_safe(f->client);
        while (sd_event_run(f->event, 0) > 0)
                ;
        return 0;
}
