/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for background operations, with a progress line on terminals. */
#pragma once

#include "client.h"

/* Waits until the operation of an asynchronous answer ends, and shows its progress if stdout is a terminal. The
 * first Ctrl-C asks the server to cancel, the third gives up waiting. *ret (may be NULL, else empty) gets the
 * operation as it ended. A synchronous answer is done already. Returns 0; -ECANCELED: it was cancelled or given
 * up; -EREMOTEIO: it failed, with its text by fail(); or what client_call() returns. */
int operation_wait(Client *c, const Reply *started, Reply *ret);

/* client_call() and operation_wait() in one. */
int operation_run(Client *c, const char *method, const char *path, struct json_object *body, const char *etag);

/* For several operations at once: operation_wait_begin() asks for the end of one without waiting, so that it cannot be
 * forgotten by the server while another is waited for; operation_wait_end() waits, and frees. */
typedef struct OperationWatch OperationWatch;

/* 'started' is not kept. Never fails: what goes wrong is reported by operation_wait_end(). */
OperationWatch *operation_wait_begin(Client *c, const Reply *started);

/* As operation_wait(). */
int operation_wait_end(OperationWatch *w, Reply *ret);
