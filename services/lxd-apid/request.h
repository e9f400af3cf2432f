/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request from its first line until its answer has left: parameters, body, waiting for other daemons, answer. */
#pragma once

#include <microhttpd.h>

#include "http-target.h"
#include "manager.h"

typedef struct Request Request;
typedef struct Route Route;
typedef struct BodyStream BodyStream;

#define REQUEST_LABELS_MAX 5

struct Request {
        Manager *manager;
        unsigned refs;
        Request *next, **link; /* all requests of the Http */

        struct MHD_Connection *connection; /* NULL once it is gone */
        Target target;
        const Route *route;
        const char *method;
        const char *labels[REQUEST_LABELS_MAX]; /* what the {} of the route matched, in order; borrowed from target */
        const char *type;                       /* "container", "virtual-machine" by the alias in the path, or "" */
        const char *project;                    /* project=, or "default" */
        int target_error;                       /* why the target could not be parsed, or 0 */

        bool begun, ended;                      /* first look taken; the body is complete */
        bool discard, large;                    /* the rest of the body does not matter; it is over the limit */
        char *body;
        size_t body_size, body_allocated;
        BodyStream *stream;
        struct json_object *json; /* request_json() */

        struct MHD_Response *response;
        bool borrowed; /* it belongs to somebody else, who keeps it until this turn of the loop is over */
        unsigned status;
        char *etag;     /* request_etag() */
        char *location; /* for reply_created() after a call */
        Request *next_waiting; /* see suspend_waiting() */
        bool suspended;
        sd_event_source *hangup;
        void (*on_hangup)(Request *r); /* the client is gone while we are suspended */
        void *waiting;                 /* of the handler that waits; what it is only that handler knows */
        void (*free_waiting)(void *waiting);

        Requestor requestor; /* request_requestor() */
};

Request *request_ref(Request *r);
Request *request_unref(Request *r);
DEFINE_CLEANUP(Request, request_unref)

/* A query parameter, or NULL. */
const char *request_parameter(Request *r, const char *name);
/* True for 1, true, yes, on. */
bool request_parameter_is_true(Request *r, const char *name);
/* recursion=; what is no number counts as 0, as in LXD. */
uint32_t request_recursion(Request *r);
/* target= of documents that every member of a cluster has of its own: there is no other member. 0, -ENOENT with error set. */
int request_check_target(Request *r, sd_bus_error *error);
/* A header field, or NULL. */
const char *request_header(Request *r, const char *name);
/* If-Match without its quotes; "" = nothing to check. Borrowed from the request. */
const char *request_etag(Request *r);
/* Who asks, from the credentials of the socket. Never NULL. */
const Requestor *request_requestor(Request *r);
/* The body as one JSON object. 0, -EINVAL with error set, -ENOMEM. Borrowed. */
int request_json(Request *r, struct json_object **ret, sd_bus_error *error);

/* After the answer was set: continues a request that waits. Safe to call for one that does not, or whose client is gone. */
void request_resume(Request *r);
