/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of a session, and what exec and console share. */
#pragma once

#include <sys/types.h>

#include "base/str.h"

typedef enum SessionControlType {
        SESSION_RESIZE,
        SESSION_SIGNAL,
        SESSION_START,
} SessionControlType;

typedef struct SessionControl {
        SessionControlType type;
        unsigned width, height;
        int signal;
} SessionControl;

/* "resize W H", "signal N" or "start". 0, -EINVAL. */
int session_parse_control(const char *text, SessionControl *ret);
/* One packet from the control socket. 0; -EAGAIN: nothing of use; -EPIPE: closed; -errno. */
int session_receive_control(int connection, SessionControl *ret);
/* Sets the size of a terminal; 0 leaves it. */
void session_resize(int fd, unsigned width, unsigned height);
/* What was given (later ones win), completed with PATH, LANG and, for root, HOME and USER. 0, -ENOMEM. */
int session_environment(char *const *given, uid_t uid, Strv *ret);
