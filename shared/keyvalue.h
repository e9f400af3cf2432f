/* SPDX-License-Identifier: Apache-2.0 */
/* Config (sorted string to string map) and Devices (sorted map of Config): the a{ss} and a{sa{ss}} of LXD. */
#pragma once

#include "base/cleanup.h"

typedef struct ConfigItem {
        char *key;
        char *value;
} ConfigItem;

/* Always sorted by key, keys unique. A zeroed Config is the empty one. */
typedef struct Config {
        ConfigItem *items;
        size_t n;
        size_t allocated;
} Config;

#define CONFIG_FOREACH(i, c)                                                                                  \
        for (const ConfigItem *i = (c)->items; i < (c)->items + (c)->n; i++)

void config_done(Config *c);                                              /* frees the contents, leaves it empty */
const char *config_get(const Config *c, const char *key);                 /* NULL when there is none */
const char *config_get_or(const Config *c, const char *key, const char *fallback);
bool config_is_true(const Config *c, const char *key);
/* Sets (copies) or, with value NULL, removes. 0, -ENOMEM. */
int config_set(Config *c, const char *key, const char *value);
int config_setf(Config *c, const char *key, const char *format, ...) printf_like(3, 4);
/* *ret must be empty; on failure it stays empty. 0, -ENOMEM. */
int config_copy(const Config *c, Config *ret);
/* Sets every item of `over` in c. With drop_empty an empty value removes the key (PATCH). 0, -ENOMEM. */
int config_merge(Config *c, const Config *over, bool drop_empty);
bool config_equal(const Config *a, const Config *b);
/* Removes every key that begins with prefix. */
void config_remove_prefix(Config *c, const char *prefix);
/* Removes every key without a value: that is what setting one to "" means. */
void config_remove_empty(Config *c);

typedef struct Device {
        char *name;
        Config config;
} Device;

/* Always sorted by name, names unique. */
typedef struct Devices {
        Device *items;
        size_t n;
        size_t allocated;
} Devices;

#define DEVICES_FOREACH(d, ds) for (const Device *d = (ds)->items; d < (ds)->items + (ds)->n; d++)

void devices_done(Devices *d);
const Config *devices_get(const Devices *d, const char *name);
/* Replaces or adds (copies); with config NULL removes. 0, -ENOMEM. */
int devices_set(Devices *d, const char *name, const Config *config);
int devices_copy(const Devices *d, Devices *ret);
/* Whole devices of `over` replace those of d (profile expansion). 0, -ENOMEM. */
int devices_merge(Devices *d, const Devices *over);
/* config_remove_empty() for each device. */
void devices_remove_empty(Devices *d);
bool devices_equal(const Devices *a, const Devices *b);
