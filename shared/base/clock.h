/* SPDX-License-Identifier: Apache-2.0 */
/* Time: microseconds since the epoch, and the RFC 3339 form that REST uses. */
#pragma once

#include "base/macro.h"

#define TIME_TEXT_MAX 40

uint64_t now_realtime(void);  /* µs since the epoch */
uint64_t now_monotonic(void); /* µs since boot */
/* "2026-11-21T21:07:48.029164Z"; 0 gives LXD's "0001-01-01T00:00:00Z". Returns buf. */
char *time_format(uint64_t usec, char buf[static TIME_TEXT_MAX]);
/* The reverse, with time zones and any number of fraction digits; LXD's zero time gives 0. 0, -EINVAL. */
int time_parse(const char *s, uint64_t *ret);
