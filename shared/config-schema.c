/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up keys in tables, and the common checks of values. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/str.h"
#include "bus-error.h"
#include "config-schema.h"

/* "prefix*suffix" with exactly one star that stands for at least one character. */
static bool pattern_matches(const char *pattern, const char *key) {
        const char *star = strchr(pattern, '*');
        size_t before, after, n;

        if (!star)
                return streq(pattern, key);
        before = (size_t) (star - pattern);
        after = strlen(star + 1);
        n = strlen(key);
        return n > before + after && strncmp(pattern, key, before) == 0 && streq(star + 1, key + n - after);
}

const ConfigKey *config_schema_find(const ConfigKey *table, const char *key) {
        for (const ConfigKey *k = table; k->name; k++)
                if (streq(k->name, key))
                        return k;
        for (const ConfigKey *k = table; k->name; k++)
                if (strchr(k->name, '*') && pattern_matches(k->name, key))
                        return k;
        return NULL;
}

static int check_item(const ConfigKey *table, const ConfigItem *i, sd_bus_error *error) {
        const ConfigKey *k = config_schema_find(table, i->key);
        const char *reason = NULL;
        int r;

        if (!k || !text_is_valid(i->key, false))
                return bus_error_set(error, LXD_ERROR_INVALID, "Unknown configuration key: %s", i->key);
        if (!text_is_valid(i->value, k->flags & CONFIG_MULTILINE))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Invalid value for \"%s\": control characters are not allowed%s", i->key,
                                     k->flags & CONFIG_MULTILINE ? "" : ", nor line breaks");
        if (i->value[0] == '\0' || !k->check)
                return 0;
        r = k->check(i->value, &reason);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid value \"%s\" for \"%s\"%s%s", i->value, i->key,
                                     reason ? ": " : "", strempty(reason));
        return 0;
}

int config_schema_check(const ConfigKey *table, const Config *c, sd_bus_error *error) {
        CONFIG_FOREACH(i, c) {
                int r = check_item(table, i, error);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int answer(bool ok, const char *reason, const char **ret_reason) {
        if (ok)
                return 0;
        *ret_reason = reason;
        return -EINVAL;
}

int check_bool(const char *value, const char **ret_reason) {
        bool b;

        return answer(parse_bool(value, &b) >= 0, "not a boolean (true or false)", ret_reason);
}

int check_uint(const char *value, const char **ret_reason) {
        uint64_t v;

        return answer(parse_u64(value, &v) >= 0, "not a whole number", ret_reason);
}

int check_int(const char *value, const char **ret_reason) {
        int64_t v;

        return answer(parse_i64(value, &v) >= 0, "not a whole number", ret_reason);
}

int check_size(const char *value, const char **ret_reason) {
        uint64_t v;

        return answer(parse_size(value, &v) >= 0, "not a size (a number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB)",
                      ret_reason);
}

int check_priority(const char *value, const char **ret_reason) {
        uint64_t v;

        return answer(parse_u64(value, &v) >= 0 && v <= 10, "not a priority from 0 to 10", ret_reason);
}

static bool address_is_valid(int family, const char *value) {
        unsigned char buffer[sizeof(struct in6_addr)];

        return inet_pton(family, value, buffer) == 1;
}

/* address/prefix with 0 <= prefix <= bits */
static bool cidr_is_valid(int family, uint64_t bits, const char *value) {
        const char *slash = strchr(value, '/');
        char address[INET6_ADDRSTRLEN];
        uint64_t prefix;

        if (!slash || (size_t) (slash - value) >= sizeof(address))
                return false;
        memcpy(address, value, (size_t) (slash - value));
        address[slash - value] = '\0';
        return address_is_valid(family, address) && parse_u64(slash + 1, &prefix) >= 0 && prefix <= bits;
}

int check_ipv4(const char *value, const char **ret_reason) {
        return answer(address_is_valid(AF_INET, value), "not an IPv4 address", ret_reason);
}

int check_ipv6(const char *value, const char **ret_reason) {
        return answer(address_is_valid(AF_INET6, value), "not an IPv6 address", ret_reason);
}

int check_ipv4_cidr(const char *value, const char **ret_reason) {
        return answer(cidr_is_valid(AF_INET, 32, value), "not an IPv4 address with prefix length (10.0.0.1/24)", ret_reason);
}

int check_ipv6_cidr(const char *value, const char **ret_reason) {
        return answer(cidr_is_valid(AF_INET6, 128, value), "not an IPv6 address with prefix length (fd42::1/64)",
                      ret_reason);
}

int check_mac(const char *value, const char **ret_reason) {
        unsigned b[6];
        int end = 0;

        return answer(strlen(value) == 17 &&
                              sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", b, b + 1, b + 2, b + 3, b + 4, b + 5, &end) == 6 &&
                              end == 17 && !strpbrk(value, " +-xX"),
                      "not a MAC address (00:16:3e:xx:xx:xx)", ret_reason);
}

int check_interface(const char *value, const char **ret_reason) {
        return answer(interface_name_is_valid(value), "not an interface name (2 to 15 letters, digits, '-', '_', '.')",
                      ret_reason);
}

int check_mode(const char *value, const char **ret_reason) {
        unsigned mode;

        return answer(parse_mode(value, &mode) >= 0, "not an octal mode", ret_reason);
}

int check_absolute_path(const char *value, const char **ret_reason) {
        return answer(value[0] == '/', "not an absolute path", ret_reason);
}
