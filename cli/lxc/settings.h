/* SPDX-License-Identifier: Apache-2.0 */
/* The user's settings, ~/.config/lxc/config.yml: aliases, the project in use. LXD's own client reads and writes the same file, so what
 * is in it for that one (remotes) is kept. LXD_CONF= names another folder. */
#pragma once

#include <json-c/json.h>

/* The settings; empty if there is no file. Not a new reference; changes count once settings_save() is called. Returns 0 or a negative
 * errno with fail() set. */
int settings_load(struct json_object **ret);
int settings_save(void);

/* The project that "lxc project switch" chose, or NULL. */
const char *settings_project(void);
int settings_set_project(const char *project);

void settings_done(void);
