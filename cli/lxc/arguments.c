/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments that several sub-commands read in the same way, and words that several print. */

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "lxc.h"

#define STDIN_MAX (16U * 1024U * 1024U)

void snapshot_split(const char *argument, char **ret_name, char **ret_snapshot) {
        const char *slash = strchr(argument, '/');

        *ret_name = slash ? xstrndup(argument, (size_t) (slash - argument)) : xstrdup(argument);
        *ret_snapshot = slash ? xstrdup(slash + 1) : NULL;
}

char *instance_path(const char *name) {
        _cleanup_free_ char *instance = NULL, *snapshot = NULL;

        snapshot_split(name, &instance, &snapshot);
        return snapshot ? api_path("instances", instance, "snapshots", snapshot, NULL)
                        : api_path("instances", instance, NULL);
}

int read_stdin(char **ret, size_t *ret_size) {
        _cleanup_buffer_ Buffer b = {};

        for (;;) {
                ssize_t n = read(STDIN_FILENO, buffer_reserve(&b, 65536), 65536);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(-errno, "Cannot read standard input: %m");
                b.size += (size_t) n;
                b.data[b.size] = 0;
                if (n == 0)
                        break;
                if (b.size > STDIN_MAX)
                        return fail(-EFBIG, "Standard input has more than %u bytes", STDIN_MAX);
        }

        *ret = TAKE_PTR(b.data);
        if (ret_size)
                *ret_size = b.size;
        return 0;
}

static int set_pair(struct json_object *into, const char *key, const char *value) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (streq(value, "-") && !isatty(STDIN_FILENO)) {
                r = read_stdin(&text, NULL);
                if (r < 0)
                        return r;
                value = text;
        }
        jset_str(into, key, value);
        return 0;
}

int keyvalues_parse(char *const *arguments, struct json_object *into) {
        for (; arguments && *arguments; arguments++) {
                const char *equals = strchr(*arguments, '=');
                _cleanup_free_ char *key = NULL;
                int r;

                if (!equals || equals == *arguments)
                        return fail(-EINVAL, "Bad key=value pair: %s", *arguments);
                key = xstrndup(*arguments, (size_t) (equals - *arguments));
                r = set_pair(into, key, equals + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

int keyvalues_parse_set(char *const *arguments, struct json_object *into) {
        size_t n = list_length(arguments);

        if (n == 2 && !strchr(arguments[0], '='))
                return set_pair(into, arguments[0], arguments[1]);
        for (size_t i = 0; i < n; i++)
                if (!strchr(arguments[i], '='))
                        return fail(-EINVAL, "Invalid key=value configuration: %s", arguments[i]);
        return keyvalues_parse(arguments, into);
}

static int device_option_apply(const char *name, const char *key, const char *value, struct json_object *inherited,
                               struct json_object *devices) {
        struct json_object *device = jget_key(devices, name);

        if (!device && jget_key(inherited, name)) {
                device = jcopy(jget_key(inherited, name));
                jset(devices, name, device);
        }
        if (!device && !streq(key, "type"))
                return fail(-ENOENT, "Cannot override config for device \"%s\": Device not found in profile devices", name);
        jset_str(jobject(devices, name), key, value);
        return 0;
}

int device_options_parse(char *const *options, struct json_object *inherited, struct json_object *devices) {
        for (; options && *options; options++) {
                const char *comma = strchr(*options, ','), *equals = comma ? strchr(comma, '=') : NULL;
                _cleanup_free_ char *name = NULL, *key = NULL;
                int r;

                if (!equals || comma == *options || equals == comma + 1)
                        return fail(-EINVAL, "Bad device override syntax, expecting <device>,<key>=<value>: %s", *options);
                name = xstrndup(*options, (size_t) (comma - *options));
                key = xstrndup(comma + 1, (size_t) (equals - comma - 1));
                r = device_option_apply(name, key, equals + 1, inherited, devices);
                if (r < 0)
                        return r;
        }
        return 0;
}

const char *yes_no(bool b) {
        return b ? "yes" : "no";
}

const char *yes_no_upper(bool b) {
        return b ? "YES" : "NO";
}

char *upper(const char *s) {
        char *u = xstrdup(s);

        for (char *p = u; *p; p++)
                *p = (char) toupper((unsigned char) *p);
        return u;
}

char *format_date(const char *rfc3339) {
        uint64_t usec;
        struct tm tm;
        char buf[64];
        time_t t;

        if (time_parse(rfc3339, &usec) < 0 || usec == 0)
                return xstrdup(" ");
        t = (time_t) (usec / USEC_PER_SEC);
        (void) localtime_r(&t, &tm);
        (void) strftime(buf, sizeof(buf), "%Y/%m/%d %H:%M %Z", &tm);
        return xstrdup(buf);
}

int64_t date_seconds(const char *rfc3339) {
        uint64_t usec;

        return time_parse(rfc3339, &usec) < 0 ? 0 : (int64_t) (usec / USEC_PER_SEC);
}

char *format_long_date(int64_t seconds) {
        time_t t = (time_t) seconds;
        char month[16], zone[16];
        struct tm tm;

        (void) localtime_r(&t, &tm);
        (void) strftime(month, sizeof(month), "%b", &tm);
        (void) strftime(zone, sizeof(zone), "%Z", &tm);
        return xformat("%s %d, %d at %d:%02d%s (%s)", month, tm.tm_mday, tm.tm_year + 1900,
                       tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12, tm.tm_min, tm.tm_hour < 12 ? "am" : "pm", zone);
}

void table_titles(Table *t, const char *const *titles) {
        for (; *titles; titles++)
                table_title(t, *titles);
}
