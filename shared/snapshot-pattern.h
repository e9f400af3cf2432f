/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots.pattern (names of unnamed snapshots) and snapshots.schedule (cron expressions). */
#pragma once

#include <time.h>

#include "base/str.h"

/* 0, or -EINVAL with *ret_reason. Only the date variable is known; functions and file inclusion of templates are refused. */
int snapshot_pattern_check(const char *pattern, const char **ret_reason);
/* The next name: %d becomes one more than the highest number in use among `existing`; {{ creation_date }} (with an optional Go layout
 * |date:'2006-01-02') the time, UTC. A pattern without %d whose name exists gets "-%d" appended, as LXD does. 0, -EINVAL, -ENOMEM. */
int snapshot_pattern_expand(const char *pattern, uint64_t now, char *const *existing, char **ret);

/* Five fields of cron, @hourly and its friends, or a list of those @words divided by commas. 0, -EINVAL with *ret_reason. */
int snapshot_schedule_check(const char *schedule, const char **ret_reason);
/* Is this minute one of the schedule's (which has been checked)? @startup and @never are no minute. */
bool snapshot_schedule_matches(const char *schedule, const struct tm *tm);
