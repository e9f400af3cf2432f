/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a guest on its socket: whatever they are, the daemon goes on. What stands behind a line "--" is sent when everything before it has been
 * answered, and a key of the guest has changed: frames on a websocket. */
#include "log.h"
#include "played.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS_MAX 1000000

static int fill_changed(sd_bus_message *m, void *userdata) {
        return sd_bus_message_append(m, "ta{ss}a{ss}", UINT64_C(7), 2, "user.a", "1", "limits.cpu", "1", 1, "user.a", "2");
}

/* To the end: an answer of another daemon that is not waited for is never freed. */
static void settle(sd_event *event, int fd) {
        for (unsigned i = 0; sd_event_run(event, 0) > 0; i++) {
                char rest[4096];

                (void) recv(fd, rest, sizeof(rest), MSG_DONTWAIT);
                if (i > TURNS_MAX)
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char cut[] = "\n--\n";
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_close_ int fd = -EBADF;
        const uint8_t *later = memmem(data, size, cut, strlen(cut));
        size_t first = later ? (size_t) (later - data) : size;
        Manager *m = NULL;
        int pair[2];

        if (size > 65536)
                return 0;
        log_set_max_level(LOG_EMERG);
        if (sd_event_new(&event) < 0 || played_open(event, &m) < 0 || config_set(&played_config, "user.foo", "bar") < 0 ||
            config_set(&played_config, "security.devlxd.images", "true") < 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 || http_add_connection(m->http, pair[1]) < 0)
                abort();
        fd = pair[0];
        if (first > 0)
                (void) send(fd, data, first, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (later) {
                settle(event, fd);
                if (bus_server_emit(played_server, "/org/lxd/instance1", "org.lxd.instance1.Guest", "GuestConfigChanged", fill_changed, NULL) < 0)
                        abort();
                settle(event, fd);
                if (size - first > strlen(cut))
                        (void) send(fd, later + strlen(cut), size - first - strlen(cut), MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        (void) shutdown(fd, SHUT_WR);
        settle(event, fd);
        played_close(m);
        return 0;
}
