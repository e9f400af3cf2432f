/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of configuration keys: who may be set, with which values. One validator for REST, preseed, profiles and bus. */
#pragma once

#include <systemd/sd-bus.h>

#include "keyvalue.h"

/* Checks one value (never NULL; the empty string = unset is not passed). 0, or -EINVAL with *ret_reason (static text or NULL). */
typedef int (*config_check_t)(const char *value, const char **ret_reason);

typedef struct ConfigKey {
        const char *name;     /* exact, or ending in '*': any rest (at least one character); or with one "*" inside */
        config_check_t check; /* NULL = any text without NUL */
        const char *fallback; /* default, NULL = none */
        unsigned flags;       /* CONFIG_LIVE and flags of the daemon's own */
} ConfigKey;

enum {
        CONFIG_LIVE = 1 << 0,      /* changes apply to a running guest */
        CONFIG_MULTILINE = 1 << 1, /* line breaks allowed */
        CONFIG_INTERNAL = 1 << 2,  /* volatile: set by us, accepted back */
};

/* The entry for key, exact ones first; NULL when unknown. Tables end with a zeroed entry. */
const ConfigKey *config_schema_find(const ConfigKey *table, const char *key);
/* Checks all items. Unknown key: InvalidArgument "Unknown configuration key: <key>" with `what` in front where useful
 * ("Invalid config: ..."). Values with control characters (other than LF/TAB where MULTILINE) are refused. 0, -EINVAL. */
int config_schema_check(const ConfigKey *table, const Config *c, sd_bus_error *error);

int check_bool(const char *value, const char **ret_reason);
int check_uint(const char *value, const char **ret_reason);    /* 64 bit */
int check_int(const char *value, const char **ret_reason);
int check_size(const char *value, const char **ret_reason);    /* bytes with suffix */
int check_priority(const char *value, const char **ret_reason); /* 0..10 */
int check_ipv4(const char *value, const char **ret_reason);
int check_ipv6(const char *value, const char **ret_reason);
int check_ipv4_cidr(const char *value, const char **ret_reason);
int check_ipv6_cidr(const char *value, const char **ret_reason);
int check_mac(const char *value, const char **ret_reason);
int check_interface(const char *value, const char **ret_reason);
int check_mode(const char *value, const char **ret_reason);    /* octal */
int check_absolute_path(const char *value, const char **ret_reason);
