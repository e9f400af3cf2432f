/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal of an interactive session: raw mode and size. */
#pragma once

#include <termios.h>

#include "base/macro.h"

typedef struct Terminal {
        bool raw;
        struct termios saved;
} Terminal;

/* Switches stdin to raw mode if it is a terminal. */
void terminal_raw(Terminal *t);

/* Puts back what terminal_raw() found. May be called twice. */
void terminal_restore(Terminal *t);

/* True when it was in raw mode and nobody is at its other end any more. */
bool terminal_is_gone(const Terminal *t);

/* Size of the terminal on stdout (or stdin); 0, 0 if there is none. */
void terminal_size(unsigned *ret_width, unsigned *ret_height);
