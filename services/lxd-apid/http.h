/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 on the event loop: listening sockets, connections, and libmicrohttpd between them and the routes. */
#pragma once

#include "request.h"

int http_new(Manager *m, Http **ret);
/* Closes every connection. Requests that still wait for another daemon are forgotten. */
Http *http_free(Http *h);

/* Serves a listening stream socket (ours from then on); any number of them. 0, -errno. */
int http_listen(Http *h, int fd);
/* Closes the listening sockets (the service manager has them, too): who connects now waits for the next process. */
void http_stop_listening(Http *h);
/* Serves one connected stream socket (ours from then on). 0, -errno. */
int http_add_connection(Http *h, int fd);
/* Open connections, upgraded ones too. */
unsigned http_connections(Http *h);
/* No connection was open for a moment: clients that come one after the other meet the same process. */
bool http_rests(Http *h);
/* Addresses of the listening sockets. 0, -ENOMEM. */
int http_addresses(Http *h, Strv *ret);
/* Lets libmicrohttpd look at what has changed; after an answer was queued or a socket was given back. */
void http_kick(Http *h);
DEFINE_CLEANUP(Http, http_free)
