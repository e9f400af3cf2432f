/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the daemons that own the objects, made for a request, and what becomes of their answers. */
#pragma once

#include "request.h"

/* A call being built. Errors stick until call_send(). */
typedef struct Call {
        Request *request;
        OperationOwner owner;
        sd_bus_message *message;
        int error;
} Call;

/* Begins a call on the owner's root object. interface: ".Manager" is completed with the owner's prefix, other names are whole. */
void call_begin(Call *c, Request *r, OperationOwner owner, const char *interface, const char *member);
/* The same on <root>/<kind>/<labels>; labels end with NULL. */
void call_begin_object(Call *c, Request *r, OperationOwner owner, const char *interface, const char *member, const char *kind,
                       ...) __attribute__((sentinel));

/* Arguments, in order. */
void call_append(Call *c, const char *types, ...); /* as sd_bus_message_append(); text that is not UTF-8 is the caller's -EINVAL */
void call_config(Call *c, const Config *config);
void call_devices(Call *c, const Devices *devices);
void call_strv(Call *c, char *const *v);
void call_requestor(Call *c);

/* What to do with the answer: sets the reply or makes a further call; 0, or -errno (then the answer is made of error). */
typedef int (*CallThen)(Request *r, sd_bus_message *reply, sd_bus_error *error);
/* Sends. The request waits until `then` has answered. An error of the owner becomes the answer without `then` being asked. 0, or -errno with
 * error set. Ends the Call in any case. */
int call_send(Call *c, CallThen then, sd_bus_error *error);
/* The same, but `then` gets errors of the owner, too. */
int call_send_any(Call *c, CallThen then, sd_bus_error *error);
/* What a method that changes something ends with, requestor and flags, and call_send(). */
int call_send_change(Call *c, uint64_t flags, CallThen then, sd_bus_error *error);
/* What a method that only reads ends with, flags of which there are none, and call_send(); the document is the answer. */
int call_send_document(Call *c, sd_bus_error *error);

int then_document(Request *r, sd_bus_message *reply, sd_bus_error *error);  /* h [s etag] */
int then_empty(Request *r, sd_bus_message *reply, sd_bus_error *error);
int then_created(Request *r, sd_bus_message *reply, sd_bus_error *error);   /* Location from r->location */
int then_operation(Request *r, sd_bus_message *reply, sd_bus_error *error); /* o ...: 202 */
int then_finished(Request *r, sd_bus_message *reply, sd_bus_error *error);  /* o: waits for its end; sync, {} or the error */
