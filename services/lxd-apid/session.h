/* SPDX-License-Identifier: Apache-2.0 */
/* Exec and console sessions: our own operations of class websocket, and the pumping between guest and client. */
#pragma once

#include "manager.h"
#include "request.h"
#include "websocket.h"

typedef struct Session Session;

int sessions_new(Manager *m, Sessions **ret);
Sessions *sessions_free(Sessions *s); /* hangs up all of them */
/* With the ones that are done and linger for those who ask late. */
unsigned sessions_count(Sessions *s);

/* The record of one of our operations; ret may be NULL. 0, -ENOENT, -ENOMEM. */
int sessions_record(Sessions *s, const char *id, OperationRecord *ret);
bool sessions_is_finished(Sessions *s, const char *id);
/* Its metadata as JSON, with the secrets of its websockets if asked for. 0, -ENOENT, -ENOMEM. */
int sessions_metadata(Sessions *s, const char *id, bool secrets, char **ret);
/* Who began it; NULL when there is none. */
const Requestor *sessions_requestor(Sessions *s, const char *id);
/* Records of all: the ids, to be freed by the caller. 0, -ENOMEM. */
int sessions_ids(Sessions *s, Strv *ret);
/* Ends it as if the client had left. 0, -ENOENT, -EINVAL with error set when it is over. */
int sessions_cancel(Sessions *s, const char *id, sd_bus_error *error);
/* Finds the channel of this secret and takes the websocket of request r for it. 0; -ENOENT, -EACCES with error set. */
int sessions_connect(Sessions *s, const char *id, const char *secret, Request *r, sd_bus_error *error);

typedef enum SessionKind {
        SESSION_EXEC,
        SESSION_CONSOLE,
} SessionKind;

/* What a session is made of. Everything is copied but the descriptors, which are taken in any case. */
typedef struct SessionSpec {
        SessionKind kind;
        const char *project, *instance;
        const Requestor *who;
        char *const *command;     /* exec */
        const Config *environment;
        bool interactive;
        bool websockets;          /* false: nobody will connect */
        char *const *logs;        /* recorded output, in the order stdout, stderr; or NULL */
        int *fds;                 /* data channels (pty, or stdin stdout stderr; or none), then the control socket */
        size_t n_fds;
} SessionSpec;

/* Begins it. 0 and its id (borrowed); -errno with error set. */
int session_new(Sessions *s, const SessionSpec *spec, const char **ret_id, sd_bus_error *error);
