/* SPDX-License-Identifier: Apache-2.0 */
/* What requests about one object do alike, whatever its kind. Functions return 0, or -errno, perhaps with error set. */
#pragma once

#include "call.h"
#include "update-body.h"

/* Begins a call of a method of the object that r is about: <noun>_call() of each rest-<noun>.c. */
typedef void (*ObjectCall)(Call *c, Request *r, const char *member);

/* GET by a method that takes nothing but flags. */
int object_document(Request *r, ObjectCall call, const char *member, sd_bus_error *error);
/* PUT and PATCH of an object that has these parts (of UPDATE_DESCRIPTION, _CONFIG, _DEVICES). */
int object_update(Request *r, ObjectCall call, uint64_t parts, sd_bus_error *error);
/* The end of that alone: the arguments of Update(), and call_send(). */
int object_send_update(Call *c, const UpdateBody *b, uint64_t parts, sd_bus_error *error);
/* POST with a new name; then the object is at prefix + name. */
int object_rename(Request *r, ObjectCall call, const char *prefix, const char *name, sd_bus_error *error);
int object_delete(Request *r, ObjectCall call, CallThen then, sd_bus_error *error);
