/* SPDX-License-Identifier: Apache-2.0 */
/* The editable part that instances and snapshots share, and its expansion with profiles. */
#pragma once

#include "keyvalue.h"

typedef struct Profile Profile;

typedef struct Settings {
        const char *architecture; /* interned: architecture_intern() */
        char *description;        /* may be NULL = "" */
        bool ephemeral;
        Config config;
        Devices devices;
} Settings;

void settings_done(Settings *s);
/* *ret must be empty. 0, -ENOMEM. */
int settings_copy(const Settings *s, Settings *ret);

/* The static spelling of an architecture name that LXD knows ("x86_64"; "amd64" and other aliases are turned into it), or NULL. */
const char *architecture_intern(const char *name);
/* The architecture of this machine. */
const char *architecture_native(void);
/* True when a guest of this architecture can run here (i686 on x86_64, armv7l on aarch64). */
bool architecture_is_supported(const char *name);

/* The effective value of one key: the settings' own, else that of the last profile that has it. NULL when nobody sets it. */
const char *settings_get(const Settings *s, Profile *const *profiles, size_t n_profiles, const char *key);

/* Expansions. The results *borrow* keys, values and device configs from the settings and profiles: nothing is copied but the index,
 * so a list of thousands stays cheap. Valid until one of these changes. Free with the _view_done() functions only. 0, -ENOMEM. */
int settings_expand_config(const Settings *s, Profile *const *profiles, size_t n_profiles, Config *ret);
int settings_expand_devices(const Settings *s, Profile *const *profiles, size_t n_profiles, Devices *ret);
void config_view_done(Config *c);
void devices_view_done(Devices *d);
#define _cleanup_config_view_ _cleanup_(config_view_done)
#define _cleanup_devices_view_ _cleanup_(devices_view_done)

/* The device with path=/ and a pool; NULL when there is none. */
const Device *devices_find_root(const Devices *d);
