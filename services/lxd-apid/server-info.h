/* SPDX-License-Identifier: Apache-2.0 */
/* The document of GET /1.0: configuration, extensions, environment. Made once, kept until something in it changes. */
#pragma once

#include "request.h"

int server_info_new(Manager *m, ServerInfo **ret);
ServerInfo *server_info_free(ServerInfo *s);
/* Configuration or pools have changed: the next request asks again. */
void server_info_invalidate(ServerInfo *s);
