/* SPDX-License-Identifier: Apache-2.0 */
/* Bus tests: a daemon's real vtables on one end of a socketpair, a client on the other, one loop for both. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon.h"

typedef struct Fixture {
        sd_event *event;
        BusServer *server;
        Operations *operations;
        sd_bus *client;
        sd_bus_message *reply; /* of the last call */
        bool answered;
        bool gone; /* set by a test: the served side will never answer; fixture_send() ends with -EPIPE */
} Fixture;

/* Serves the tables of spec with its userdata. The fixture is zeroed, or has the event loop that it shall use (ours from then on).
 * 0, -errno. */
int fixture_open(Fixture *f, const DaemonSpec *spec);
/* A client alone, of a server that is there already and stays after fixture_close(). The fixture is zeroed. 0, -errno. */
int fixture_join(Fixture *f, sd_event *event, BusServer *server);
void fixture_close(Fixture *f);
/* Calls and runs the loop until the answer is there. 0, or the negative errno of the error, which is in *error. f->reply holds the answer. */
int fixture_call(Fixture *f, const char *path, const char *interface, const char *member, sd_bus_error *error, const char *types, ...);
/* The same with a message that the test has filled. */
int fixture_send(Fixture *f, sd_bus_message *m, sd_bus_error *error);
int fixture_message(Fixture *f, sd_bus_message **ret, const char *path, const char *interface, const char *member);
/* The text of the document that is the next `h` of the reply. NULL on failure; the caller frees. */
char *fixture_document(Fixture *f);
