/* SPDX-License-Identifier: Apache-2.0 */
/* The console: liblxc's monitor stays between the guest's console and whoever watches; this process holds the place. */
#include <poll.h>
#include <sys/syscall.h>

#include "base/str.h"
#include "bus-error.h"
#include "runner.h"
#include "session.h"

/* Waits for the end of the one who had the console. It is killed already. */
static void console_wait_previous(const GuestMessage *m) {
        _cleanup_close_ int pidfd = -EBADF;
        struct pollfd p = { .events = POLLIN };
        uint64_t pid;

        if (guest_message_get_u64(m, "previous", &pid) < 0)
                return;
        pidfd = (int) syscall(SYS_pidfd_open, (pid_t) pid, 0);
        p.fd = pidfd;
        if (pidfd >= 0)
                (void) poll(&p, 1, 5000);
}

/* The monitor notices only from its own loop that the last one has hung up. */
static int console_open(Runner *r, int *ret_holder, int *ret_master) {
        for (unsigned attempt = 0; attempt < 50; attempt++) {
                int tty = 0, master = -EBADF;
                int holder = r->guest.lxc->console_getfd(r->guest.lxc, &tty, &master);

                if (holder >= 0) {
                        *ret_holder = holder;
                        *ret_master = master;
                        return 0;
                }
                (void) poll(NULL, 0, 10);
        }
        return -EBUSY;
}

int request_console(Runner *r, GuestMessage *m, int connection) {
        _cleanup_close_ int holder = -EBADF, master = -EBADF;
        uint64_t width = 0, height = 0;
        int q;

        console_wait_previous(m);
        q = console_open(r, &holder, &master);
        if (q < 0)
                return request_answer(connection, q, "The console of %s cannot be opened", r->guest.state.title);
        (void) guest_message_get_u64(m, "width", &width);
        (void) guest_message_get_u64(m, "height", &height);
        session_resize(master, (unsigned) MIN(width, (uint64_t) 65535), (unsigned) MIN(height, (uint64_t) 65535));
        if (guest_message_send_ok(connection, &master, 1) < 0)
                return 1;
        for (;;) {
                struct pollfd p[] = { { .fd = connection, .events = POLLIN }, { .fd = holder, .events = POLLIN } };
                SessionControl c;

                if (poll(p, ELEMENTSOF(p), -1) < 0 && errno != EINTR)
                        return 1;
                if (p[1].revents & (POLLHUP | POLLERR | POLLIN))
                        return 0; /* the monitor is gone: the guest has ended */
                if (p[0].revents == 0)
                        continue;
                q = session_receive_control(connection, &c);
                if (q == 0 && c.type == SESSION_RESIZE)
                        session_resize(master, c.width, c.height);
                else if (q < 0 && q != -EAGAIN)
                        return 0;
        }
}
