/* SPDX-License-Identifier: Apache-2.0 */
/* Raw mode and size of the terminal. */

#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal.h"

void terminal_raw(Terminal *t) {
        struct termios raw;

        if (t->raw || tcgetattr(STDIN_FILENO, &t->saved) < 0)
                return;
        raw = t->saved;
        cfmakeraw(&raw);
        t->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) >= 0;
}

void terminal_restore(Terminal *t) {
        if (t->raw)
                (void) tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
        t->raw = false;
}

bool terminal_is_gone(const Terminal *t) {
        struct termios now;

        return t->raw && tcgetattr(STDIN_FILENO, &now) < 0;
}

void terminal_size(unsigned *ret_width, unsigned *ret_height) {
        struct winsize size = {};

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
                (void) ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
        *ret_width = size.ws_col;
        *ret_height = size.ws_row;
}
