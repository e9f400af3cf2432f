/* SPDX-License-Identifier: Apache-2.0 */
/* LXD's REST API as the benchmark needs it: requests that must succeed, operations waited for to their end. */
#pragma once

#include <stddef.h>

#include "http.h"

/* Every function here ends the program with a message when the request does not succeed: a benchmark that goes
 * on after a failure measures nothing. */

/* Milliseconds of a clock that only goes forward. */
double now_ms(void);

/* A connection to the daemon, opened again when the server has closed it. */
void api_open(Http *h);

/* Sends a request with a JSON body made by the format (NULL: none); waits for its operation, if it starts one.
 * Returns the body of the last answer, the caller's to free. */
char *api_do(Http *h, const char *method, const char *path, const char *format, ...)
                __attribute__((format(printf, 4, 5)));

/* The same, the answer is dropped. */
#define api_run(...) free(api_do(__VA_ARGS__))

/* Whether a GET of the path is answered with 200. */
int api_exists(Http *h, const char *path);

/* Uploads the file with these headers as the body of a POST and waits for the operation. Returns the fingerprint in the
 * operation's metadata, the caller's to free, or NULL when there is none. */
char *api_upload(Http *h, const char *path, const char *headers, const char *file);
