/* SPDX-License-Identifier: Apache-2.0 */
/* One request of the storm and its end, held against what must be true of every request. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http.h"

#define TEXT_MAX 2048

typedef struct Client {
        Http http;
        unsigned number;
        uint64_t random; /* the state of its own generator: what it asks depends on the seed and on nothing else */
        unsigned long requests, operations, refused, failed;
        unsigned long broken; /* requests that broke a rule */
} Client;

/* A number below n. */
unsigned choose(Client *c, unsigned n);

/*
 * Sends the request (body NULL: none; headers NULL: JSON) and waits for the operation it may begin. Rules: there is an answer, it is no 5xx
 * but 501 and 503, an operation ends within OPERATION_MAX seconds. What breaks one is printed and counted. Returns whether it
 * succeeded; the reason for a refusal is kept in request_error().
 */
bool request(Client *c, const char *method, const char *path, const char *headers, const void *body, size_t n_body);

/* The same with a JSON body by a format (NULL: none). */
bool requestf(Client *c, const char *method, const char *path, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The error text of the last request or operation that was refused or failed. */
const char *request_error(void);

/* The names in the list at path: the last parts of its URLs, decoded only as far as our own names need. NULL-terminated, the caller's to free with
 * each name. */
char **request_names(Client *c, const char *path);
