/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: strict parsers, name checks, encodings. */
#include <ctype.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/str.h"

int str_vformat(char **ret, const char *format, va_list ap) {
        char *s;

        if (vasprintf(&s, format, ap) < 0)
                return -ENOMEM;
        *ret = s;
        return 0;
}

int str_format(char **ret, const char *format, ...) {
        va_list ap;
        int r;

        va_start(ap, format);
        r = str_vformat(ret, format, ap);
        va_end(ap);
        return r;
}

int str_replace(char **p, const char *s) {
        char *copy = NULL;

        if (s) {
                copy = strdup(s);
                if (!copy)
                        return -ENOMEM;
        }
        free(*p);
        *p = copy;
        return 0;
}

int parse_u64(const char *s, uint64_t *ret) {
        uint64_t v = 0;

        if (isempty(s))
                return -EINVAL;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t) (*s - '0'), &v))
                        return -ERANGE;
        }
        *ret = v;
        return 0;
}

int parse_u32(const char *s, uint32_t *ret) {
        uint64_t v;
        int r;

        r = parse_u64(s, &v);
        if (r < 0)
                return r;
        if (v > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t) v;
        return 0;
}

int parse_i64(const char *s, int64_t *ret) {
        bool negative = s && s[0] == '-';
        uint64_t v;
        int r;

        r = parse_u64(negative ? s + 1 : s, &v);
        if (r < 0)
                return r;
        if (v > (uint64_t) INT64_MAX + negative)
                return -ERANGE;
        *ret = negative ? (int64_t) (0 - v) : (int64_t) v;
        return 0;
}

int parse_mode(const char *s, unsigned *ret) {
        unsigned v = 0;

        if (isempty(s))
                return -EINVAL;
        for (; *s; s++) {
                if (*s < '0' || *s > '7')
                        return -EINVAL;
                v = v * 8 + (unsigned) (*s - '0');
                if (v > 07777)
                        return -ERANGE;
        }
        *ret = v;
        return 0;
}

int parse_bool(const char *s, bool *ret) {
        static const char *const yes[] = { "true", "1", "yes", "on" };
        static const char *const no[] = { "false", "0", "no", "off", "" };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++)
                if (strcasecmp(s, yes[i]) == 0) {
                        *ret = true;
                        return 0;
                }
        for (size_t i = 0; i < ELEMENTSOF(no); i++)
                if (strcasecmp(s, no[i]) == 0) {
                        *ret = false;
                        return 0;
                }
        return -EINVAL;
}

bool str_is_true(const char *s) {
        bool b;

        return s && parse_bool(s, &b) >= 0 && b;
}

int parse_size(const char *s, uint64_t *ret) {
        static const struct {
                const char *suffix;
                uint64_t factor;
        } units[] = {
                { "", 1 },
                { "B", 1 },
                { "kB", 1000ULL },
                { "MB", 1000ULL * 1000 },
                { "GB", 1000ULL * 1000 * 1000 },
                { "TB", 1000ULL * 1000 * 1000 * 1000 },
                { "PB", 1000ULL * 1000 * 1000 * 1000 * 1000 },
                { "EB", 1000ULL * 1000 * 1000 * 1000 * 1000 * 1000 },
                { "KiB", 1ULL << 10 },
                { "MiB", 1ULL << 20 },
                { "GiB", 1ULL << 30 },
                { "TiB", 1ULL << 40 },
                { "PiB", 1ULL << 50 },
                { "EiB", 1ULL << 60 },
        };
        _cleanup_free_ char *digits = NULL;
        size_t n = strspn(s, "0123456789");
        uint64_t v;
        int r;

        digits = strndup(s, n);
        if (!digits)
                return -ENOMEM;
        r = parse_u64(digits, &v);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (streq(s + n, units[i].suffix)) {
                        if (__builtin_mul_overflow(v, units[i].factor, &v))
                                return -ERANGE;
                        *ret = v;
                        return 0;
                }
        return -EINVAL;
}

int parse_expiry(const char *s, uint64_t from, uint64_t *ret) {
        static const struct {
                char unit;
                uint64_t seconds;
        } units[] = { { 'S', 1 },    { 'M', 60 },       { 'H', 3600 },      { 'd', 86400 },
                      { 'w', 604800 }, { 'm', 30 * 86400 }, { 'y', 365 * 86400 } };
        _cleanup_strv_free_ Strv parts = NULL;
        uint64_t total = from;
        int r;

        r = strv_split(s, " ", &parts);
        if (r < 0)
                return r;
        if (!parts[0])
                return -EINVAL;
        STRV_FOREACH(p, parts) {
                size_t n = strspn(*p, "0123456789"), u;
                _cleanup_free_ char *digits = strndup(*p, n);
                uint64_t v;

                if (!digits)
                        return -ENOMEM;
                r = parse_u64(digits, &v);
                if (r < 0)
                        return r;
                for (u = 0; u < ELEMENTSOF(units); u++)
                        if ((*p)[n] == units[u].unit && (*p)[n + 1] == '\0')
                                break;
                if (u == ELEMENTSOF(units))
                        return -EINVAL;
                if (__builtin_mul_overflow(v, units[u].seconds * USEC_PER_SEC, &v) ||
                    __builtin_add_overflow(total, v, &total))
                        return -ERANGE;
        }
        *ret = total;
        return 0;
}

bool instance_name_is_valid(const char *s) {
        size_t n;

        if (!s || !isalpha((unsigned char) s[0]) || (unsigned char) s[0] > 127)
                return false;
        n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
        return s[n] == '\0' && n <= 63 && s[n - 1] != '-';
}

static bool name_is_plain(const char *s, size_t max) {
        if (isempty(s) || strlen(s) > max || streq(s, ".") || streq(s, "..") || !text_is_valid(s, false))
                return false;
        for (const char *p = s; *p; p++)
                if (*p == '/' || *p == '\\' || isspace((unsigned char) *p))
                        return false;
        return true;
}

bool object_name_is_valid(const char *s) {
        return name_is_plain(s, 63);
}

bool snapshot_name_is_valid(const char *s) {
        return name_is_plain(s, 255);
}

bool interface_name_is_valid(const char *s) {
        size_t n;

        if (!s || streq(s, "..") || streq(s, "."))
                return false;
        n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
        return s[n] == '\0' && n >= 2 && n <= 15;
}

/* Length of the UTF-8 sequence at s (1..4), or 0 when it is not valid (overlong, surrogate, beyond U+10FFFF). */
static size_t utf8_sequence(const unsigned char *s) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        uint32_t c;
        size_t n;

        if (s[0] < 0x80)
                return 1;
        if ((s[0] & 0xe0) == 0xc0)
                n = 2, c = s[0] & 0x1f;
        else if ((s[0] & 0xf0) == 0xe0)
                n = 3, c = s[0] & 0x0f;
        else if ((s[0] & 0xf8) == 0xf0)
                n = 4, c = s[0] & 0x07;
        else
                return 0;
        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (s[i] & 0x3f);
        }
        return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

bool text_is_valid(const char *s, bool multiline) {
        if (!s)
                return false;
        while (*s) {
                unsigned char c = (unsigned char) *s;
                size_t n = utf8_sequence((const unsigned char *) s);

                if (n == 0 || c == 0x7f)
                        return false;
                if (c < 0x20 && !(multiline && (c == '\n' || c == '\t')))
                        return false;
                s += n;
        }
        return true;
}

bool path_is_valid(const char *s) {
        return s[0] == '/' && s[1] && strlen(s) < PATH_MAX && text_is_valid(s, false) && !strstr(s, "/../") && !endswith(s, "/..");
}

int hex_encode(const void *data, size_t n, char **ret) {
        static const char digits[] = "0123456789abcdef";
        const unsigned char *p = data;
        char *s;

        s = malloc(2 * n + 1);
        if (!s)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                s[2 * i] = digits[p[i] >> 4];
                s[2 * i + 1] = digits[p[i] & 15];
        }
        s[2 * n] = '\0';
        *ret = s;
        return 0;
}

bool hex_is_valid(const char *s, size_t n) {
        return s && strspn(s, "0123456789abcdef") == n && s[n] == '\0';
}

int random_hex(size_t n, char **ret) {
        unsigned char buffer[256];

        if (n > sizeof(buffer))
                return -EINVAL;
        if (getrandom(buffer, n, 0) != (ssize_t) n)
                return -EIO;
        return hex_encode(buffer, n, ret);
}

int url_encode(const char *s, char **ret) {
        static const char digits[] = "0123456789ABCDEF";
        char *out, *p;

        out = p = malloc(3 * strlen(s) + 1);
        if (!out)
                return -ENOMEM;
        for (; *s; s++) {
                unsigned char c = (unsigned char) *s;

                if (isalnum(c) || strchr("-_.~", c))
                        *p++ = (char) c;
                else {
                        *p++ = '%';
                        *p++ = digits[c >> 4];
                        *p++ = digits[c & 15];
                }
        }
        *p = '\0';
        *ret = out;
        return 0;
}
