/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-container-hook SOCKET: lxc.hook.start-host. The guest's namespaces are there, its init is not: hands its network namespace to
 * lxd-container-bus, which has the interfaces made in it, and waits for that. With another exit status than 0 liblxc gives up the start. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/socket.h"
#include "base/str.h"
#include "crash.h"
#include "guest-message.h"

static int open_namespace(const char *pid) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
        return RET_ERRNO(open(path, O_RDONLY | O_CLOEXEC));
}

static int run(const char *path, const char *pid) {
        _cleanup_close_ int netns = open_namespace(pid), sock = -EBADF;
        _cleanup_message_ GuestMessage m = {}, answer = {};
        int r;

        sock = netns < 0 ? netns : socket_connect(path, SOCK_SEQPACKET);
        if (sock < 0)
                return sock;
        r = guest_message_begin(&m, "connect");
        if (r >= 0)
                r = guest_message_add_fd(&m, netns);
        if (r >= 0)
                r = guest_message_send(sock, &m);
        if (r >= 0)
                r = guest_message_receive(sock, &answer);
        crash_point("hook-connected");
        return r < 0 ? r : r == 0 || !streq(guest_message_verb(&answer), "ok") ? -ECANCELED : 0;
}

int main(int argc, char **argv) {
        const char *pid = getenv("LXC_PID");
        int r;

        if (argc != 2 || !pid) {
                (void) fprintf(stderr, "usage: LXC_PID=PID %s SOCKET\nRun by liblxc.\n", argv[0]);
                return EXIT_FAILURE;
        }
        r = run(argv[1], pid);
        if (r < 0)
                (void) fprintf(stderr, "Failed to have the network of process %s made: %s\n", pid, strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
