/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 on the guest socket: libmicrohttpd on the event loop. */
#pragma once

#include "manager.h"

/* Connections that one guest may have at a time: the socket is shared by all of them. */
#define HTTP_CONNECTIONS_PER_GUEST 64U
/* More than these are told so, and more than that closed at once. All who are no guest are one here. */
#define HTTP_CONNECTIONS_HELD (2 * HTTP_CONNECTIONS_PER_GUEST)

int http_new(Manager *m, Http **ret);
Http *http_free(Http *h);
DEFINE_CLEANUP(Http, http_free)
/* Serves a listening socket (ours from then on). 0, -errno. */
int http_listen(Http *h, int fd);
/* Serves one connected socket (ours from then on). 0, -EBUSY: its guest has too many, -errno. */
int http_add_connection(Http *h, int fd);
unsigned http_connections(Http *h);
