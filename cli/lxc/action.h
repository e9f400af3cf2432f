/* SPDX-License-Identifier: Apache-2.0 */
/* start, stop, restart and pause: one thing done to one or more instances. */
#pragma once

#include "lxc.h"

/* The 'data' of a Command that has action_run() as 'run'; its options fill in the rest. */
typedef struct Action {
        const char *verb;               /* "start", for messages */
        const char *name;               /* of the API: "start", "freeze" */
        int64_t timeout;
        bool force, stateful, stateless;
        bool all;                       /* every instance it makes sense for */
        char *console;                  /* attach to it afterwards: its type, or NULL */
} Action;

/* Runs it for the instances among the arguments. Returns 0 or a negative errno with fail() set. */
int action_run(Context *c);

/* Asks the server to change the state of one instance. As client_call(). */
int action_request(Client *client, const char *instance, const char *name, int64_t timeout, bool force, bool stateful,
                   Reply *ret);
