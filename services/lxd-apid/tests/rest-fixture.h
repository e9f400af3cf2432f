/* SPDX-License-Identifier: Apache-2.0 */
/* The real front end between a client and owners that only pretend: every call they get is written down, and answered by its kind. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "bus-server.h"
#include "manager.h"

#define FAKE_LARGE ((size_t) 16 << 20) /* bytes of the file /large of any instance */

typedef struct RestFixture RestFixture;

typedef struct FakeOwner {
        RestFixture *fixture;
        int owner;
        sd_bus *bus;
        unsigned subscriptions;
} FakeOwner;

struct RestFixture {
        sd_event *event;
        BusServer *server; /* of the front end itself */
        Operations *operations;
        Manager *manager;
        FakeOwner owners[OWNER_MAX];
        char *calls; /* what the owners were asked since rest_clear(), a line each */
        int client;  /* the client's side of the last connection; -EBADF: none */
        int guest[4]; /* the guest's side of the last Exec or Console: data channels, control */
        size_t n_guest;
        char *body;  /* what came through the stream of the last call that has one; "(reset)" when it was cut */
        size_t body_size;
        int body_fd;
        unsigned operation; /* number of the last operation that was "made" */
        bool collecting;         /* used_by of a project: lists are lists */
        uint32_t operation_status; /* that Get tells */
};

typedef struct Answer {
        unsigned status;
        char *head, *body;
        size_t body_size;
} Answer;

int rest_open(RestFixture *f);
void rest_close(RestFixture *f);
void rest_clear(RestFixture *f);

/* A new connection. */
int rest_connect(RestFixture *f);
/* Runs the loop until nothing happens for a moment (the loop is idle and no descriptor of ours is readable). */
void rest_settle(RestFixture *f);
/* Sends these bytes on the connection (any number). 0, -errno. */
int rest_send(RestFixture *f, const void *data, size_t n);
/* Runs the loop until one whole answer is there (its head only for 101 and HEAD). 0, -ECONNRESET: the connection was closed. */
int rest_receive(RestFixture *f, bool head_only, Answer *ret);
/* All in one, on a new connection. headers: lines that end with \r\n. */
int rest_request(RestFixture *f, const char *method, const char *target, const char *headers, const char *body, size_t n, Answer *ret);
void answer_done(Answer *a);

/* Signals of an owner. */
int rest_emit_operation(RestFixture *f, int owner, unsigned number, uint32_t status);
int rest_emit_lifecycle(RestFixture *f, int owner, const char *project, const char *action, const char *source);
/* The uuid of the operation of this number of an owner. */
const char *rest_operation_id(int owner, unsigned number, char buffer[static 37]);

/* Websocket client: opens on a new connection. fd, or -(HTTP status). */
int rest_websocket(RestFixture *f, const char *target);
int rest_websocket_send(int fd, unsigned opcode, const void *data, size_t n);
/* One frame, running the loop. Its opcode, or -ECONNRESET. Payload (NUL-terminated, of *ret_n bytes) is the caller's. */
int rest_websocket_receive(RestFixture *f, int fd, char **ret, size_t *ret_n);
