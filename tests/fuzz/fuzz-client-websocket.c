/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that a server sends to the client, some of them right behind its answer to the handshake. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sockaddr_un address = { .sun_family = AF_UNIX };

static void remove_socket(void) {
        (void) unlink(address.sun_path);
}

static int listen_somewhere(void) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/lxd-fuzz-%d.socket", getenv("TMPDIR") ?: "/tmp", (int) getpid());
        if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, 1) < 0)
                abort();
        (void) atexit(remove_socket);
        return fd;
}

static int on_data(WebSocket *w, WebSocketType type, const void *data, size_t n, void *userdata) {
        *(size_t *) userdata += n;
        return type == WEBSOCKET_TEXT || type == WEBSOCKET_BINARY ? websocket_send(w, type, data, n) : -EIO;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char head[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        static int listener = -EBADF;
        size_t heard = 0, behind = size > 0 ? MIN(data[0], size) : 0;
        const WebSocketHandler handler = { .on_data = on_data, .userdata = &heard };
        _cleanup_(websocket_freep) WebSocket *w = NULL;
        int server, r = 1;

        if (size > 32768)
                return 0;
        if (listener < 0)
                listener = listen_somewhere();
        if (websocket_start(address.sun_path, "/1.0/events", &handler, &w) < 0)
                abort();
        server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (server < 0 || send(server, head, sizeof(head) - 1, MSG_NOSIGNAL | MSG_MORE) < 0)
                abort();
        (void) send(server, data, behind, MSG_NOSIGNAL);
        if (websocket_finish(w) < 0)
                abort();
        (void) send(server, data + behind, size - behind, MSG_NOSIGNAL);
        (void) shutdown(server, SHUT_WR);
        for (unsigned i = 0; r > 0; i++) {
                char rest[4096];

                r = websocket_read(w);
                (void) recv(server, rest, sizeof(rest), MSG_DONTWAIT);
                if (i > size + 16) /* every turn takes something, or it is the end */
                        abort();
        }
        if (heard > size)
                abort();
        close(server);
        return 0;
}
