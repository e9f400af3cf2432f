/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots.pattern (names of unnamed snapshots) and snapshots.schedule (cron expressions). */
#include "snapshot-pattern.h"

/* Go's reference time "2006-01-02 15:04:05": each of its words stands for a part of the date. Longer ones first. */
static const struct {
        const char *layout;
        char conversion; /* of strftime() */
} go_layout[] = {
        { "2006", 'Y' }, { "January", 'B' }, { "Jan", 'b' }, { "Monday", 'A' }, { "Mon", 'a' }, { "MST", 'Z' }, { "01", 'm' },
        { "02", 'd' },   { "15", 'H' },      { "03", 'I' },  { "04", 'M' },     { "05", 'S' },  { "06", 'y' },  { "PM", 'p' },
};

static void format_part(char conversion, const struct tm *tm, FILE *f) {
        char text[64];
        size_t n = 0;

        switch (conversion) {
        case 'Y': n = strftime(text, sizeof(text), "%Y", tm); break;
        case 'B': n = strftime(text, sizeof(text), "%B", tm); break;
        case 'b': n = strftime(text, sizeof(text), "%b", tm); break;
        case 'A': n = strftime(text, sizeof(text), "%A", tm); break;
        case 'a': n = strftime(text, sizeof(text), "%a", tm); break;
        case 'Z': n = strftime(text, sizeof(text), "%Z", tm); break;
        case 'm': n = strftime(text, sizeof(text), "%m", tm); break;
        case 'd': n = strftime(text, sizeof(text), "%d", tm); break;
        case 'H': n = strftime(text, sizeof(text), "%H", tm); break;
        case 'I': n = strftime(text, sizeof(text), "%I", tm); break;
        case 'M': n = strftime(text, sizeof(text), "%M", tm); break;
        case 'S': n = strftime(text, sizeof(text), "%S", tm); break;
        case 'y': n = (size_t) snprintf(text, sizeof(text), "%02d", tm->tm_year % 100); break;
        case 'p': n = strftime(text, sizeof(text), "%p", tm); break;
        }
        (void) fwrite(text, 1, n, f);
}

static int format_date(const char *layout, size_t n, const struct tm *tm, FILE *f) {
        for (size_t i = 0; i < n;) {
                size_t k = 0;

                while (k < ELEMENTSOF(go_layout) && strncmp(layout + i, go_layout[k].layout, MIN(strlen(go_layout[k].layout), n - i)) != 0)
                        k++;
                if (k < ELEMENTSOF(go_layout) && strlen(go_layout[k].layout) <= n - i) {
                        format_part(go_layout[k].conversion, tm, f);
                        i += strlen(go_layout[k].layout);
                } else
                        fputc(layout[i++], f);
        }
        return 0;
}

/* One {{ ... }}: the text between the braces. f may be NULL: only check. */
static int expand_variable(const char *s, size_t n, const struct tm *tm, FILE *f) {
        const char *name = "creation_date";
        const size_t length = strlen(name);
        char quote;

        while (n > 0 && *s == ' ')
                s++, n--;
        while (n > 0 && s[n - 1] == ' ')
                n--;
        if (n < length || strncmp(s, name, length) != 0)
                return -EINVAL;
        s += length;
        n -= length;
        if (n == 0) {
                if (f)
                        format_date("2006-01-02_15-04-05", 19, tm, f);
                return 0;
        }

        while (n > 0 && *s == ' ')
                s++, n--;
        if (n < 8 || strncmp(s, "|date:", 6) != 0)
                return -EINVAL;
        s += 6;
        n -= 6;
        quote = s[0];
        if ((quote != '"' && quote != '\'') || s[n - 1] != quote || memchr(s + 1, quote, n - 2))
                return -EINVAL;
        if (f)
                format_date(s + 1, n - 2, tm, f);
        return 0;
}

/* Everything but %d. */
static int expand_variables(const char *pattern, const struct tm *tm, FILE *f) {
        for (const char *p = pattern; *p;) {
                const char *end;

                if (startswith(p, "{%") || startswith(p, "{#"))
                        return -EINVAL;
                if (!startswith(p, "{{")) {
                        if (f)
                                fputc(*p, f);
                        p++;
                        continue;
                }
                end = strstr(p, "}}");
                if (!end || expand_variable(p + 2, (size_t) (end - p - 2), tm, f) < 0)
                        return -EINVAL;
                p = end + 2;
        }
        return 0;
}

int snapshot_pattern_check(const char *pattern, const char **ret_reason) {
        const char *percent = strstr(pattern, "%d");

        *ret_reason = "only %d and {{ creation_date|date:'2006-01-02' }} are known, and a name has no '/' and no space";
        if (percent && strstr(percent + 2, "%d"))
                return -EINVAL;
        return expand_variables(pattern, NULL, NULL);
}

/* One more than the highest number that stands at the place of %d in the names. */
static uint64_t next_number(const char *text, char *const *existing) {
        const char *percent = strstr(text, "%d");
        size_t prefix = (size_t) (percent - text), suffix = strlen(percent + 2);
        uint64_t next = 0, number;

        STRV_FOREACH(name, existing) {
                _cleanup_free_ char *digits = NULL;
                size_t n = strlen(*name);

                if (n <= prefix + suffix || strncmp(*name, text, prefix) != 0 || !streq(*name + n - suffix, percent + 2))
                        continue;
                digits = strndup(*name + prefix, n - prefix - suffix);
                if (digits && parse_u64(digits, &number) >= 0 && number >= next && number < UINT64_MAX)
                        next = number + 1;
        }
        return next;
}

int snapshot_pattern_expand(const char *pattern, uint64_t now, char *const *existing, char **ret) {
        _cleanup_free_ char *text = NULL, *result = NULL;
        time_t seconds = (time_t) (now / USEC_PER_SEC);
        const char *percent;
        size_t size = 0;
        struct tm tm;
        FILE *f;
        int r;

        if (!gmtime_r(&seconds, &tm))
                return -EINVAL;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        r = expand_variables(pattern, &tm, f);
        if (fclose(f) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;

        if (!strstr(text, "%d")) {
                if (!strv_contains(existing, text)) {
                        *ret = TAKE_PTR(text);
                        return 0;
                }
                r = str_format(&result, "%s-%%d", text);
                if (r < 0)
                        return r;
                free(text);
                text = TAKE_PTR(result);
        }

        percent = strstr(text, "%d");
        return str_format(ret, "%.*s%" PRIu64 "%s", (int) (percent - text), text, next_number(text, existing), percent + 2);
}

/* One field of cron: numbers, ranges, steps and lists within [min, max]. */
static bool cron_field_is_valid(const char *s, unsigned min, unsigned max) {
        while (*s) {
                char *end;
                unsigned long a;

                if (*s == '*')
                        s++;
                else {
                        if (*s < '0' || *s > '9')
                                return false;
                        a = strtoul(s, &end, 10);
                        if (a < min || a > max)
                                return false;
                        s = end;
                        if (*s == '-') {
                                if (s[1] < '0' || s[1] > '9')
                                        return false;
                                if (strtoul(s + 1, &end, 10) > max || strtoul(s + 1, &end, 10) < a)
                                        return false;
                                s = end;
                        }
                }
                if (*s == '/') {
                        if (s[1] < '1' || s[1] > '9')
                                return false;
                        (void) strtoul(s + 1, &end, 10);
                        s = end;
                }
                if (*s == ',' && s[1])
                        s++;
                else if (*s)
                        return false;
        }
        return true;
}

/* Several are divided by ", "; words, which have no commas of their own, may do without the space. */
static int schedule_split(const char *schedule, Strv *ret) {
        _cleanup_strv_free_ Strv list = NULL;
        int r = 0;

        for (const char *end; schedule && r >= 0; schedule = end ? end + 2 : NULL) {
                _cleanup_free_ char *one = NULL;

                end = strstr(schedule, schedule[0] == '@' && !strchr(schedule, ' ') ? "," : ", ");
                one = end ? strndup(schedule, (size_t) (end - schedule)) : strdup(schedule);
                r = one ? strv_extend(&list, one) : -ENOMEM;
                if (end && end[1] != ' ')
                        end--;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

static bool cron_is_valid(const char *schedule) {
        static const unsigned limits[5][2] = { { 0, 59 }, { 0, 23 }, { 1, 31 }, { 1, 12 }, { 0, 7 } };
        _cleanup_strv_free_ Strv fields = NULL;

        if (strv_split(schedule, " \t", &fields) < 0 || strv_length(fields) != 5)
                return false;
        for (size_t i = 0; i < 5; i++)
                if (!cron_field_is_valid(fields[i], limits[i][0], limits[i][1]))
                        return false;
        return true;
}

int snapshot_schedule_check(const char *schedule, const char **ret_reason) {
        static const char *const words[] = { "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@annually", "@yearly", "@startup", "@never" };
        _cleanup_strv_free_ Strv list = NULL;
        int r;

        *ret_reason = "Schedule must be of the form: <minute> <hour> <day-of-month> <month> <day-of-week>";
        r = schedule_split(schedule, &list);
        if (r < 0)
                return r;
        STRV_FOREACH(one, list) {
                bool known = cron_is_valid(*one);

                for (size_t i = 0; i < ELEMENTSOF(words) && !known; i++)
                        known = streq(*one, words[i]);
                if (!known)
                        return -EINVAL;
        }
        return 0;
}

/* One part of a field: "*", "5", "1-5", each with or without "/step". */
static bool cron_part_matches(const char *s, int value) {
        long first = 0, last = INT32_MAX, step = 1;
        char *end = (char *) s;

        if (*s == '*')
                end++;
        else {
                first = last = strtol(s, &end, 10);
                if (*end == '-')
                        last = strtol(end + 1, &end, 10);
                else if (*end == '/')
                        last = INT32_MAX; /* "5/10": from 5 on */
        }
        if (*end == '/')
                step = strtol(end + 1, NULL, 10);
        return step > 0 && value >= first && value <= last && (value - first) % step == 0;
}

static bool cron_field_matches(const char *field, int value) {
        _cleanup_strv_free_ Strv parts = NULL;

        if (strv_split(field, ",", &parts) < 0)
                return false;
        STRV_FOREACH(p, parts)
                if (cron_part_matches(*p, value))
                        return true;
        return false;
}

static bool cron_matches(const char *schedule, const struct tm *tm) {
        _cleanup_strv_free_ Strv f = NULL;
        bool day, weekday;

        if (strv_split(schedule, " \t", &f) < 0 || strv_length(f) != 5)
                return false;
        if (!cron_field_matches(f[0], tm->tm_min) || !cron_field_matches(f[1], tm->tm_hour) || !cron_field_matches(f[3], tm->tm_mon + 1))
                return false;
        day = cron_field_matches(f[2], tm->tm_mday);
        weekday = cron_field_matches(f[4], tm->tm_wday) || (tm->tm_wday == 0 && cron_field_matches(f[4], 7));
        /* As in every cron: two restrictions of the day are alternatives. */
        return f[2][0] == '*' || f[4][0] == '*' ? day && weekday : day || weekday;
}

bool snapshot_schedule_matches(const char *schedule, const struct tm *tm) {
        static const char *const words[][2] = {
                { "@hourly", "0 * * * *" }, { "@daily", "0 0 * * *" },   { "@midnight", "0 0 * * *" }, { "@weekly", "0 0 * * 0" },
                { "@monthly", "0 0 1 * *" }, { "@annually", "0 0 1 1 *" }, { "@yearly", "0 0 1 1 *" },
        };
        _cleanup_strv_free_ Strv list = NULL;

        if (schedule_split(schedule, &list) < 0)
                return false;
        STRV_FOREACH(one, list) {
                const char *cron = *one;

                for (size_t k = 0; k < ELEMENTSOF(words); k++)
                        if (streq(*one, words[k][0]))
                                cron = words[k][1];
                if (cron_matches(cron, tm))
                        return true;
        }
        return false;
}
