/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a guest on its socket: whatever they are, the daemon goes on. */
#include "played.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS_MAX 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_close_ int fd = -EBADF;
        Manager *m = NULL;
        int pair[2];

        if (size > 65536)
                return 0;
        if (sd_event_new(&event) < 0 || played_open(event, &m) < 0 || config_set(&played_config, "user.foo", "bar") < 0 ||
            config_set(&played_config, "security.devlxd.images", "true") < 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 || http_add_connection(m->http, pair[1]) < 0)
                abort();
        fd = pair[0];
        if (size > 0)
                (void) send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void) shutdown(fd, SHUT_WR);
        /* To the end: an answer of another daemon that is not waited for is never freed. */
        for (unsigned i = 0; sd_event_run(event, 0) > 0; i++) {
                char rest[4096];

                (void) recv(fd, rest, sizeof(rest), MSG_DONTWAIT);
                if (i > TURNS_MAX)
                        abort();
        }
        played_close(m);
        return 0;
}
