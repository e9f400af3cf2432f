/* SPDX-License-Identifier: Apache-2.0 */
/* Which instances "lxc list FILTER..." shows. */

#include <arpa/inet.h>
#include <regex.h>

#include "base/str.h"
#include "list-filter.h"

typedef struct Filter {
        char *key;                      /* left of '=', or NULL */
        char *value;                    /* right of it, or the whole */
        bool has_regex;
        regex_t regex;                  /* ^value$, unless it says itself where it begins or ends */
} Filter;

struct ListFilters {
        Filter *filters;
        size_t n;
};

ListFilters *list_filters_new(char *const *arguments) {
        ListFilters *f = xcalloc(1, sizeof(*f));

        f->n = list_length(arguments);
        f->filters = xcalloc(f->n, sizeof(Filter));
        for (size_t i = 0; i < f->n; i++) {
                const char *text = arguments[i], *equals = strchr(text, '=');
                Filter *x = f->filters + i;
                _cleanup_free_ char *expression = NULL;

                x->key = equals ? xstrndup(text, (size_t) (equals - text)) : NULL;
                x->value = xstrdup(equals ? equals + 1 : text);
                expression = strpbrk(x->value, "^$") ? xstrdup(x->value) : xformat("^%s$", x->value);
                x->has_regex = regcomp(&x->regex, expression, REG_EXTENDED | REG_NOSUB) == 0;
        }
        return f;
}

ListFilters *list_filters_free(ListFilters *f) {
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->n; i++) {
                free(f->filters[i].key);
                free(f->filters[i].value);
                if (f->filters[i].has_regex)
                        regfree(&f->filters[i].regex);
        }
        free(f->filters);
        free(f);
        return NULL;
}

bool list_filters_need_state(const ListFilters *f) {
        for (size_t i = 0; i < f->n; i++)
                if (f->filters[i].key && (streq(f->filters[i].key, "ipv4") || streq(f->filters[i].key, "ipv6")))
                        return true;
        return false;
}

bool list_filters_need_all(const ListFilters *f) {
        for (size_t i = 0; i < f->n; i++)
                if (f->filters[i].key)
                        return true;
        return false;
}

static bool regex_matches(const Filter *f, const char *text) {
        return f->has_regex && regexec(&f->regex, text, 0, NULL, 0) == 0;
}

static bool name_matches(const Filter *f, struct json_object *o) {
        const char *name = jstr(o, "name");

        return startswith(name, f->value) || regex_matches(f, name);
}

/* True if 'key' is 'pattern', or an abbreviation of it by name spaces: "u.blah" for "user.blah". */
static bool key_abbreviates(const char *pattern, const char *key) {
        for (;;) {
                size_t n = strcspn(pattern, "."), m = strcspn(key, ".");

                if (n > m || strncmp(pattern, key, n) != 0)
                        return false;
                pattern += n;
                key += m;
                if (!*pattern || !*key)
                        return !*pattern && !*key;
                pattern++;
                key++;
        }
}

static bool config_matches(const Filter *f, struct json_object *o) {
        struct json_object *config = jget(o, "expanded_config") ?: jget(o, "config");

        bool found = false;

        JFOREACH(m, config) {
                const char *text = strempty(json_object_get_string(m.value));

                if (!key_abbreviates(f->key, m.key))
                        continue;
                found = true;
                if (streq(text, f->value) || regex_matches(f, text))
                        return true;
        }
        return !found && isempty(f->value) && strchr(f->key, '.');  /* "user.blah=": those that do not have it */
}

/* "10.0.3.0/24" or "10.0.3.5", of either family. */
static bool address_in(const char *address, const char *network, int family) {
        _cleanup_list_ char **parts = list_split(network, '/');
        unsigned char a[16], b[16];
        uint32_t bits = family == AF_INET ? 32 : 128;

        if (inet_pton(family, address, a) != 1 || inet_pton(family, parts[0], b) != 1)
                return false;
        if (parts[1] && (parse_u32(parts[1], &bits) < 0 || bits > (family == AF_INET ? 32U : 128U)))
                return false;
        if (memcmp(a, b, bits / 8) != 0)
                return false;
        return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & (0xff << (8 - bits % 8)) & 0xff) == 0;
}

static bool address_matches(const Filter *f, struct json_object *o, int family) {
        struct json_object *network = jget(o, "state.network");

        if (!json_object_is_type(network, json_type_object))
                return false;
        JFOREACH(m, network) {
                struct json_object *list = jget(m.value, "addresses");

                for (size_t i = 0; i < jlen(list); i++)
                        if (address_in(jstr(jat(list, i), "address"), f->value, family))
                                return true;
        }
        return false;
}

/* A member against one of several words, whatever the case. */
static bool member_matches(const Filter *f, struct json_object *o, const char *member) {
        _cleanup_list_ char **words = list_split(f->value, ',');

        for (char **w = words; *w; w++)
                if (strcasecmp(*w, jstr(o, member)) == 0)
                        return true;
        return false;
}

static bool filter_matches(const Filter *f, struct json_object *o) {
        static const char *const members[] = { "type", "status", "architecture", "location" };

        if (!f->key)
                return name_matches(f, o);
        if (streq(f->key, "name"))
                return streq(jstr(o, "name"), f->value) || regex_matches(f, jstr(o, "name"));
        if (streq(f->key, "ipv4"))
                return address_matches(f, o, AF_INET);
        if (streq(f->key, "ipv6"))
                return address_matches(f, o, AF_INET6);
        if (streq(f->key, "ephemeral"))
                return streq(f->value, jbool(o, "ephemeral") ? "true" : "false");
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                if (streq(f->key, members[i]))
                        return member_matches(f, o, members[i]);
        return config_matches(f, o);
}

bool list_filters_match(const ListFilters *f, struct json_object *instance) {
        for (size_t i = 0; i < f->n; i++)
                if (!filter_matches(f->filters + i, instance))
                        return false;
        return true;
}
