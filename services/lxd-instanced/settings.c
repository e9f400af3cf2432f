/* SPDX-License-Identifier: Apache-2.0 */
/* The editable part of instances and snapshots: copies, expansion with profiles, architectures. */
#include "settings.h"

#include <sys/utsname.h>

#include "base/str.h"
#include "profile.h"

void settings_done(Settings *s) {
        free(s->description);
        config_done(&s->config);
        devices_done(&s->devices);
        *s = (Settings) {};
}

int settings_copy(const Settings *s, Settings *ret) {
        Settings copy = { .architecture = s->architecture, .ephemeral = s->ephemeral };
        int r;

        r = str_replace(&copy.description, s->description);
        if (r >= 0)
                r = config_copy(&s->config, &copy.config);
        if (r >= 0)
                r = devices_copy(&s->devices, &copy.devices);
        if (r < 0) {
                settings_done(&copy);
                return r;
        }

        *ret = copy;
        return 0;
}

static const struct {
        const char *name;
        const char *aliases; /* separated by spaces */
} architectures[] = {
        { "i686", "i386 i586 386 x86 generic_32" },
        { "x86_64", "amd64 generic_64" },
        { "armv7l", "armel armhf arm armhfp armv7a_hardfp armv7 armv7a_vfpv3_hardfp" },
        { "aarch64", "arm64 arm64_generic" },
        { "ppc", "powerpc" },
        { "ppc64", "powerpc64 ppc64" },
        { "ppc64le", "ppc64el" },
        { "s390x", "mainframe" },
        { "mips", "mipsel mipsle" },
        { "mips64", "mips64el mips64le" },
        { "riscv32", "" },
        { "riscv64", "" },
};

static bool word_in(const char *words, const char *word) {
        size_t n = strlen(word);

        for (const char *p = words; (p = strstr(p, word)); p += n)
                if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
                        return true;
        return false;
}

const char *architecture_intern(const char *name) {
        if (isempty(name))
                return NULL;

        for (size_t i = 0; i < ELEMENTSOF(architectures); i++)
                if (streq(architectures[i].name, name) || word_in(architectures[i].aliases, name))
                        return architectures[i].name;
        return NULL;
}

const char *architecture_native(void) {
        static const char *native;
        struct utsname u;

        if (!native) {
                if (uname(&u) >= 0)
                        native = architecture_intern(u.machine);
                if (!native)
                        native = "x86_64";
        }
        return native;
}

bool architecture_is_supported(const char *name) {
        static const char *const personalities[][2] = {
                { "x86_64", "i686" }, { "aarch64", "armv7l" }, { "ppc64", "ppc" }, { "mips64", "mips" },
        };
        const char *native = architecture_native();

        if (streq_ptr(name, native))
                return true;
        for (size_t i = 0; i < ELEMENTSOF(personalities); i++)
                if (streq(native, personalities[i][0]) && streq_ptr(name, personalities[i][1]))
                        return true;
        return false;
}

const char *settings_get(const Settings *s, Profile *const *profiles, size_t n_profiles, const char *key) {
        const char *value = config_get(&s->config, key);

        for (size_t i = n_profiles; !value && i > 0; i--)
                value = config_get(&profiles[i - 1]->config, key);
        return value;
}

/* Merges the sorted array `over` into the view; equal keys are replaced. The arrays are small: one pass, one allocation. */
static int config_view_merge(Config *view, const Config *over) {
        ConfigItem *merged;
        size_t i = 0, j = 0, n = 0;

        if (over->n == 0)
                return 0;

        merged = calloc(view->n + over->n, sizeof(ConfigItem));
        if (!merged)
                return -ENOMEM;

        while (i < view->n || j < over->n) {
                int c = i == view->n ? 1 : j == over->n ? -1 : strcmp(view->items[i].key, over->items[j].key);

                if (c == 0)
                        i++;
                merged[n++] = c < 0 ? view->items[i++] : over->items[j++];
        }

        free(view->items);
        *view = (Config) { .items = merged, .n = n, .allocated = n };
        return 0;
}

int settings_expand_config(const Settings *s, Profile *const *profiles, size_t n_profiles, Config *ret) {
        _cleanup_config_view_ Config view = {};
        int r;

        for (size_t i = 0; i < n_profiles; i++) {
                r = config_view_merge(&view, &profiles[i]->config);
                if (r < 0)
                        return r;
        }

        r = config_view_merge(&view, &s->config);
        if (r < 0)
                return r;

        *ret = view;
        view = (Config) {};
        return 0;
}

static int devices_view_merge(Devices *view, const Devices *over) {
        Device *merged;
        size_t i = 0, j = 0, n = 0;

        if (over->n == 0)
                return 0;

        merged = calloc(view->n + over->n, sizeof(Device));
        if (!merged)
                return -ENOMEM;

        while (i < view->n || j < over->n) {
                int c = i == view->n ? 1 : j == over->n ? -1 : strcmp(view->items[i].name, over->items[j].name);

                if (c == 0)
                        i++;
                merged[n++] = c < 0 ? view->items[i++] : over->items[j++];
        }

        free(view->items);
        *view = (Devices) { .items = merged, .n = n, .allocated = n };
        return 0;
}

int settings_expand_devices(const Settings *s, Profile *const *profiles, size_t n_profiles, Devices *ret) {
        _cleanup_devices_view_ Devices view = {};
        int r;

        for (size_t i = 0; i < n_profiles; i++) {
                r = devices_view_merge(&view, &profiles[i]->devices);
                if (r < 0)
                        return r;
        }

        r = devices_view_merge(&view, &s->devices);
        if (r < 0)
                return r;

        *ret = view;
        view = (Devices) {};
        return 0;
}

void config_view_done(Config *c) {
        free(c->items);
        *c = (Config) {};
}

void devices_view_done(Devices *d) {
        free(d->items);
        *d = (Devices) {};
}

const Device *devices_find_root(const Devices *d) {
        DEVICES_FOREACH(i, d)
                if (streq_ptr(config_get(&i->config, "type"), "disk") &&
                    streq_ptr(config_get(&i->config, "path"), "/") && !isempty(config_get(&i->config, "pool")))
                        return i;
        return NULL;
}
