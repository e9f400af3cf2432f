/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the REST API: which handler answers which method on which path. */
#pragma once

#include "request.h"

typedef enum RouteBody {
        BODY_NONE,   /* ignored */
        BODY_JSON,   /* read whole, JSON_BODY_MAX at most, then the handler runs */
        BODY_STREAM, /* the handler runs first and takes the body by body_stream_new() */
        BODY_EITHER, /* BODY_JSON if it looks like a JSON object, else BODY_STREAM */
} RouteBody;

/* Sets an answer (reply_*) or sends a call that will (call_send), and returns 0; or -errno, then the answer is made of error. */
typedef int (*RouteHandler)(Request *r, sd_bus_error *error);

struct Route {
        const char *method;
        const char *path; /* without the leading slash; {} one segment, {*} the rest (at least one) */
        const char *noun; /* "Instance": what is not found when the owner knows no such object */
        RouteHandler handler;
        RouteBody body;
};

/* Finds the route of method and r->target; sets r->route, r->labels and r->type. 0; -ENOENT: no such path; -EOPNOTSUPP: the path
 * exists, but not with this method. */
int route_find(Request *r, const char *method);
