/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-container-hook ID: lxc.hook.start-host. The guest's namespaces are there, its init is not: has lxd-instanced make the interfaces right in its
 * network namespace. With another exit status than 0 liblxc gives up the start, for the reason that is left for the runner. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/str.h"
#include "crash.h"
#include "guest-call.h"
#include "guest-state.h"

static int open_namespace(const char *pid) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
        return RET_ERRNO(open(path, O_RDONLY | O_CLOEXEC));
}

static void leave_reason(uint64_t id, const char *text) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (guest_run_path(id, GUEST_REFUSAL_FILE, &path) >= 0)
                fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
                (void) fd_write_all(fd, text, strlen(text));
}

int main(int argc, char **argv) {
        _cleanup_guest_caller_ GuestCaller caller = GUEST_CALLER();
        _cleanup_close_ int netns = -EBADF;
        const char *pid = getenv("LXC_PID");
        int r;

        if (argc != 2 || !pid || parse_u64(argv[1], &caller.id) < 0) {
                (void) fprintf(stderr, "usage: LXC_PID=PID %s ID\nRun by liblxc.\n", argv[0]);
                return EXIT_FAILURE;
        }
        r = netns = open_namespace(pid);
        if (r >= 0)
                r = guest_call_connect(&caller, netns);
        crash_point("hook-connected");
        if (r < 0)
                leave_reason(caller.id, caller.text ?: strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
