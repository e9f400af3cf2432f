/* SPDX-License-Identifier: Apache-2.0 */
#include "client-batch.h"
#include "fail.h"

static int lane_wait(ClientBatch *b, ClientBatchLane *lane) {
        _cleanup_reply_ Reply reply = {};
        int r;

        if (!lane->due)
                return 0;
        lane->due = false;
        r = client_read_reply(b->client, lane->connection, &reply);
        return r < 0 && !fail_text() ? client_connection_failed(b->client, r) : r;
}

int client_batch_send(ClientBatch *b, const HttpRequest *request) {
        ClientBatchLane *lane = b->lanes + b->next;
        int r;

        r = lane_wait(b, lane);
        if (r >= 0)
                r = client_begin(b->client, &lane->connection, request);
        if (r < 0)
                return r;
        lane->due = true;
        b->next = (b->next + 1) % CLIENT_BATCH_LANES;
        return 0;
}

int client_batch_wait(ClientBatch *b) {
        for (size_t i = 0; i < CLIENT_BATCH_LANES; i++) {
                int r = lane_wait(b, b->lanes + (b->next + i) % CLIENT_BATCH_LANES);

                if (r < 0)
                        return r;
        }
        return 0;
}

void client_batch_done(ClientBatch *b) {
        for (size_t i = 0; i < CLIENT_BATCH_LANES; i++)
                b->lanes[i].connection = http_free(b->lanes[i].connection);
}
