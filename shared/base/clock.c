/* SPDX-License-Identifier: Apache-2.0 */
/* Time as microseconds and as RFC 3339 text. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static uint64_t now_clock(clockid_t clock) {
        struct timespec ts;

        (void) clock_gettime(clock, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

uint64_t now_realtime(void) {
        return now_clock(CLOCK_REALTIME);
}

uint64_t now_monotonic(void) {
        return now_clock(CLOCK_MONOTONIC);
}

char *time_format(uint64_t usec, char buf[static TIME_TEXT_MAX]) {
        time_t t = (time_t) (usec / USEC_PER_SEC);
        unsigned fraction = (unsigned) (usec % USEC_PER_SEC);
        struct tm tm;
        size_t n;

        if (usec == 0 || !gmtime_r(&t, &tm)) {
                strcpy(buf, "0001-01-01T00:00:00Z");
                return buf;
        }
        n = strftime(buf, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
        if (fraction > 0) {                     /* without zeros at the end, as LXD and its clients write it */
                n += (size_t) snprintf(buf + n, TIME_TEXT_MAX - n, ".%06u", fraction);
                while (buf[n - 1] == '0')
                        n--;
        }
        strcpy(buf + n, "Z");
        return buf;
}

static int parse_fraction(const char **s, uint64_t *ret) {
        uint64_t fraction = 0, scale = USEC_PER_SEC;

        if (**s != '.') {
                *ret = 0;
                return 0;
        }
        (*s)++;
        if (**s < '0' || **s > '9')
                return -EINVAL;
        for (; **s >= '0' && **s <= '9'; (*s)++)
                if (scale > 1) {
                        scale /= 10;
                        fraction += (uint64_t) (**s - '0') * scale;
                }
        *ret = fraction;
        return 0;
}

/* Seconds east of UTC from "Z" or "+hh:mm". */
static int parse_zone(const char *s, int64_t *ret) {
        unsigned hours, minutes;
        int end = -1;

        if (streq(s, "Z") || streq(s, "z")) {
                *ret = 0;
                return 0;
        }
        if (sscanf(s + (s[0] ? 1 : 0), "%2u:%2u%n", &hours, &minutes, &end) != 2 || s[1 + end] != '\0' ||
            hours > 23 || minutes > 59 || (s[0] != '+' && s[0] != '-'))
                return -EINVAL;
        *ret = (s[0] == '-' ? -1 : 1) * (int64_t) (hours * 3600 + minutes * 60);
        return 0;
}

int time_parse(const char *s, uint64_t *ret) {
        struct tm tm = {};
        uint64_t fraction;
        int64_t seconds, zone;
        const char *p;
        int r;

        p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
        if (!p)
                return -EINVAL;
        r = parse_fraction(&p, &fraction);
        if (r < 0)
                return r;
        r = parse_zone(p, &zone);
        if (r < 0)
                return r;
        if (tm.tm_year + 1900 <= 1) {
                *ret = 0;
                return 0;
        }
        seconds = (int64_t) timegm(&tm) - zone;
        if (seconds < 0)
                return -EINVAL;
        *ret = (uint64_t) seconds * USEC_PER_SEC + fraction;
        return 0;
}
