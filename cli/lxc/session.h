/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of a websocket operation (exec, console): pumps stdin, stdout and stderr, forwards signals and
 * the size of the window, and knows when it is over. */
#pragma once

#include "client.h"
#include "operation-wait.h"

typedef enum SessionFlags {
        SESSION_INTERACTIVE = 1 << 0,   /* one channel for all data; the terminal is raw */
        SESSION_NO_STDIN = 1 << 1,      /* the command's stdin is empty */
        SESSION_ESCAPE = 1 << 2,        /* Ctrl-a q detaches (console) */
} SessionFlags;

/* Runs the session of an operation that was just started. *ret_operation (empty) gets the operation as it ended;
 * it stays empty if the user detached. Returns 0, or a negative errno with fail() set:
 *   -ECONNABORTED: the connection is lost and the end of the operation cannot be found out,
 *   -ECANCELED: a signal came before the session had begun. */
int session_run(Client *c, const Reply *started, SessionFlags flags, Reply *ret_operation);
