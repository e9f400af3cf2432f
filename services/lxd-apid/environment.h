/* SPDX-License-Identifier: Apache-2.0 */
/* The part of GET /1.0 that this host says by itself: kernel, distribution, libraries, certificate. */
#pragma once

#include "json-write.h"

/* Writes members into the open object "environment", up to and including project. */
void environment_write_host(JsonWriter *w, const char *certificate_path, const char *project);
/* Is kernel `release` ("6.1.0-18-amd64") at least major.minor? */
bool kernel_at_least(const char *release, unsigned major, unsigned minor);
/* The value of KEY in the text of an os-release file, without quotes, into buffer. False when it is not there. */
bool os_release_get(const char *text, const char *key, char *buffer, size_t size);
