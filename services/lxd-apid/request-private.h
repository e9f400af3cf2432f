/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a request's life that only http.c and body-stream.c see. */
#pragma once

#include "request.h"

/* A request for this raw target, in the list at *list. NULL: no memory, the connection will be closed. */
Request *request_new(Manager *m, Request **list, struct MHD_Connection *connection, const char *uri);
/* Must the process not end before this request is answered? */
void request_hold(Request *r, bool held);
/* The request waits: for its answer, or (called from inside the access handler) for room in its stream. */
void request_suspend(Request *r);
/* Continues a request whose stream can take more, without an answer yet. */
void request_continue(Request *r);
/* libmicrohttpd is done with it (answered or hung up). */
void request_detach(Request *r);
/* At the end of the daemon: a request that waits is let go. */
void request_abandon(Request *r);
/* Frees it although somebody still holds it. */
void request_forget(Request *r);
