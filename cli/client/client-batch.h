/* SPDX-License-Identifier: Apache-2.0 */
/* Many small requests whose answers say nothing but whether it worked: a few are under way at once, each on a
 * connection of its own, so that the server works on one while the next is being sent. */
#pragma once

#include "client.h"

#define CLIENT_BATCH_LANES 4

typedef struct ClientBatchLane {
        HttpConnection *connection;     /* NULL until it is needed */
        bool due;                       /* an answer has still to come */
} ClientBatchLane;

typedef struct ClientBatch {
        Client *client;
        ClientBatchLane lanes[CLIENT_BATCH_LANES];
        size_t next;                    /* the lane whose answer is the oldest */
} ClientBatch;

/* Sends a request; before that, waits for the oldest answer when all lanes are taken. Returns 0, or a negative errno
 * with fail() set, which is of this request or of an earlier one. */
int client_batch_send(ClientBatch *b, const HttpRequest *request);

/* Waits for all answers. Returns 0, or the first error, with fail() set. */
int client_batch_wait(ClientBatch *b);

/* Hangs up. Answers that are still due are not waited for. */
void client_batch_done(ClientBatch *b);
