/* SPDX-License-Identifier: Apache-2.0 */
/* Config and Devices: sorted arrays, looked up by bisection. */
#include "base/str.h"
#include "keyvalue.h"

/* Index of key, or of the place where it belongs (*found tells which). */
static size_t config_place(const Config *c, const char *key, bool *found) {
        size_t low = 0, high = c->n;

        while (low < high) {
                size_t middle = (low + high) / 2;
                int k = strcmp(key, c->items[middle].key);

                if (k == 0) {
                        *found = true;
                        return middle;
                }
                if (k < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        *found = false;
        return low;
}

/* Room for one more item of `size` bytes in a growing array. */
static int array_grow(void **items, size_t n, size_t *allocated, size_t size) {
        size_t more = *allocated ? *allocated * 2 : 4;
        void *p;

        if (n < *allocated)
                return 0;
        p = reallocarray(*items, more, size);
        if (!p)
                return -ENOMEM;
        *items = p;
        *allocated = more;
        return 0;
}

void config_done(Config *c) {
        for (size_t i = 0; i < c->n; i++) {
                free(c->items[i].key);
                free(c->items[i].value);
        }
        free(c->items);
        *c = (Config) {};
}

const char *config_get(const Config *c, const char *key) {
        bool found;
        size_t i = config_place(c, key, &found);

        return found ? c->items[i].value : NULL;
}

const char *config_get_or(const Config *c, const char *key, const char *fallback) {
        return config_get(c, key) ?: fallback;
}

bool config_is_true(const Config *c, const char *key) {
        return str_is_true(config_get(c, key));
}

static void config_remove(Config *c, size_t i) {
        free(c->items[i].key);
        free(c->items[i].value);
        memmove(c->items + i, c->items + i + 1, (c->n - i - 1) * sizeof(ConfigItem));
        c->n--;
}

int config_set(Config *c, const char *key, const char *value) {
        _cleanup_free_ char *k = NULL, *v = NULL;
        bool found;
        size_t i = config_place(c, key, &found);
        int r;

        if (!value) {
                if (found)
                        config_remove(c, i);
                return 0;
        }
        if (found)
                return str_replace(&c->items[i].value, value);
        k = strdup(key);
        v = strdup(value);
        if (!k || !v)
                return -ENOMEM;
        r = array_grow((void **) &c->items, c->n, &c->allocated, sizeof(ConfigItem));
        if (r < 0)
                return r;
        memmove(c->items + i + 1, c->items + i, (c->n - i) * sizeof(ConfigItem));
        c->items[i] = (ConfigItem) { .key = TAKE_PTR(k), .value = TAKE_PTR(v) };
        c->n++;
        return 0;
}

int config_setf(Config *c, const char *key, const char *format, ...) {
        _cleanup_free_ char *value = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = str_vformat(&value, format, ap);
        va_end(ap);
        return r < 0 ? r : config_set(c, key, value);
}

int config_merge(Config *c, const Config *over, bool drop_empty) {
        CONFIG_FOREACH(i, over) {
                int r = config_set(c, i->key, drop_empty && isempty(i->value) ? NULL : i->value);

                if (r < 0)
                        return r;
        }
        return 0;
}

int config_copy(const Config *c, Config *ret) {
        Config copy = {};
        int r;

        r = config_merge(&copy, c, false);
        if (r < 0) {
                config_done(&copy);
                return r;
        }
        *ret = copy;
        return 0;
}

bool config_equal(const Config *a, const Config *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!streq(a->items[i].key, b->items[i].key) || !streq(a->items[i].value, b->items[i].value))
                        return false;
        return true;
}

void config_remove_empty(Config *c) {
        for (size_t i = c->n; i > 0; i--)
                if (isempty(c->items[i - 1].value))
                        config_remove(c, i - 1);
}

void devices_remove_empty(Devices *d) {
        for (size_t i = 0; i < d->n; i++)
                config_remove_empty(&d->items[i].config);
}

void config_remove_prefix(Config *c, const char *prefix) {
        for (size_t i = c->n; i > 0; i--)
                if (startswith(c->items[i - 1].key, prefix))
                        config_remove(c, i - 1);
}

static size_t devices_place(const Devices *d, const char *name, bool *found) {
        size_t i;

        for (i = 0; i < d->n; i++) {
                int k = strcmp(name, d->items[i].name);

                if (k <= 0) {
                        *found = k == 0;
                        return i;
                }
        }
        *found = false;
        return i;
}

void devices_done(Devices *d) {
        for (size_t i = 0; i < d->n; i++) {
                free(d->items[i].name);
                config_done(&d->items[i].config);
        }
        free(d->items);
        *d = (Devices) {};
}

const Config *devices_get(const Devices *d, const char *name) {
        bool found;
        size_t i = devices_place(d, name, &found);

        return found ? &d->items[i].config : NULL;
}

int devices_set(Devices *d, const char *name, const Config *config) {
        _cleanup_(config_done) Config copy = {};
        _cleanup_free_ char *n = NULL;
        bool found;
        size_t i = devices_place(d, name, &found);
        int r;

        if (config) {
                r = config_copy(config, &copy);
                if (r < 0)
                        return r;
        }
        if (found) {
                config_done(&d->items[i].config);
                if (config) {
                        d->items[i].config = copy;
                        copy = (Config) {};
                        return 0;
                }
                free(d->items[i].name);
                memmove(d->items + i, d->items + i + 1, (d->n - i - 1) * sizeof(Device));
                d->n--;
                return 0;
        }
        if (!config)
                return 0;
        n = strdup(name);
        if (!n)
                return -ENOMEM;
        r = array_grow((void **) &d->items, d->n, &d->allocated, sizeof(Device));
        if (r < 0)
                return r;
        memmove(d->items + i + 1, d->items + i, (d->n - i) * sizeof(Device));
        d->items[i] = (Device) { .name = TAKE_PTR(n), .config = copy };
        copy = (Config) {};
        d->n++;
        return 0;
}

int devices_merge(Devices *d, const Devices *over) {
        DEVICES_FOREACH(i, over) {
                int r = devices_set(d, i->name, &i->config);

                if (r < 0)
                        return r;
        }
        return 0;
}

int devices_copy(const Devices *d, Devices *ret) {
        Devices copy = {};
        int r;

        r = devices_merge(&copy, d);
        if (r < 0) {
                devices_done(&copy);
                return r;
        }
        *ret = copy;
        return 0;
}

bool devices_equal(const Devices *a, const Devices *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!streq(a->items[i].name, b->items[i].name) || !config_equal(&a->items[i].config, &b->items[i].config))
                        return false;
        return true;
}
