/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes config.yml. */

#include "base/file.h"
#include "lxc.h"
#include "settings.h"
#include "yaml-json.h"

#define SETTINGS_MAX (1024U * 1024U)

static struct json_object *settings = NULL;

static int settings_folder(char **ret) {
        const char *folder = getenv("LXD_CONF"), *home = getenv("HOME");

        if (isempty(folder) && isempty(home))
                return fail(-ENOENT, "Neither LXD_CONF nor HOME is set: there is no folder for settings");
        *ret = isempty(folder) ? xformat("%s/.config/lxc", home) : xstrdup(folder);
        return 0;
}

int settings_load(struct json_object **ret) {
        _cleanup_free_ char *folder = NULL, *path = NULL, *text = NULL, *message = NULL;
        struct json_object *o = NULL;
        size_t size;
        int r;

        if (!settings) {
                r = settings_folder(&folder);
                if (r < 0)
                        return r;
                path = xformat("%s/config.yml", folder);
                r = file_read(path, SETTINGS_MAX, &text, &size);
                if (r < 0 && r != -ENOENT)
                        return fail(r, "Cannot read %s: %s", path, strerror(-r));
                if (r >= 0 && yaml_parse(text, size, &o, &message) < 0)
                        return fail(-EBADMSG, "%s: %s", path, message ?: "not YAML");
                if (o && !json_object_is_type(o, json_type_object)) {
                        json_object_put(o);
                        return fail(-EBADMSG, "%s is no YAML map", path);
                }
                settings = o ?: jnew();
        }
        *ret = settings;
        return 0;
}

int settings_save(void) {
        _cleanup_free_ char *folder = NULL, *path = NULL, *text = NULL;
        size_t size;
        int r;

        r = settings_folder(&folder);
        if (r < 0)
                return r;
        path = xformat("%s/config.yml", folder);
        r = yaml_dump(settings, YAML_DUMP_SORT, &text, &size);
        if (r >= 0)
                r = mkdir_parents(folder, 0750);
        if (r >= 0)
                r = file_write_atomic(path, text, size, 0600);
        return r < 0 ? fail(r, "Cannot write %s: %s", path, strerror(-r)) : 0;
}

const char *settings_project(void) {
        struct json_object *o;
        const char *project;

        if (settings_load(&o) < 0) {    /* who cannot read them has none; the commands that are about them say why */
                fail_clear();
                return NULL;
        }
        project = jstr(o, "remotes.local.project");
        return isempty(project) ? NULL : project;
}

/* The address goes along: LXD's client wants one of each remote. */
int settings_set_project(const char *project) {
        struct json_object *o, *local;
        int r;

        r = settings_load(&o);
        if (r < 0)
                return r;
        local = jobject(jobject(o, "remotes"), "local");
        jset_str(local, "addr", "unix://");
        jset_bool(local, "public", false);
        jset_str(local, "project", project);
        return settings_save();
}

void settings_done(void) {
        json_object_put(settings);
        settings = NULL;
}
