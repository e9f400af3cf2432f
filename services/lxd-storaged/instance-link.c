/* SPDX-License-Identifier: Apache-2.0 */
/* Links for people and scripts; nothing of ours goes through them, so a failure is only told. */
#include "instance-link.h"

#include <limits.h>

#include "base/file.h"
#include "layout.h"
#include "log.h"

typedef int (*layout_path_t)(const char *type, const char *project, const char *name, char **ret);

static bool link_leads_to(const char *link, const char *target) {
        char old[PATH_MAX];
        ssize_t n = readlink(link, old, sizeof(old));

        return n >= 0 && (size_t) n == strlen(target) && memcmp(old, target, (size_t) n) == 0;
}

static int link_set(const char *link, const char *target) {
        bool right = link_leads_to(link, target);
        int r;

        if (access(target, F_OK) < 0)
                return right && unlink(link) < 0 ? -errno : 0;
        if (right)
                return 0;
        r = unlink(link) < 0 && errno != ENOENT ? -errno : 0;
        return r >= 0 && symlink(target, link) < 0 ? -errno : r;
}

static int refresh(const Task *t, const char *directory, layout_path_t path_of, const char *name) {
        _cleanup_free_ char *dir = NULL, *link = NULL, *pool = NULL, *path = NULL, *target = NULL;
        const Volume *v = &t->volume;
        int r;

        r = str_format(&dir, "%s/%s", t->manager->state_dir, directory);
        if (r >= 0)
                r = mkdir_parents(dir, 0711);
        if (r >= 0)
                r = layout_pool(t->manager->state_dir, t->pool.name, &pool);
        if (r >= 0)
                r = path_of(v->type, v->project, name, &path);
        if (r >= 0)
                r = str_format(&target, "%s/%s", pool, path);
        if (r >= 0)
                r = str_format(&link, "%s%s", dir, strrchr(path, '/'));
        return r < 0 ? r : link_set(link, target);
}

void instance_link_refresh(const Task *t, const char *name) {
        LogFields fields = { .pool = t->pool.name, .project = t->volume.project, .volume = name };
        int r;

        if (!streq(t->volume.type, VOLUME_CONTAINER))
                return;
        r = refresh(t, "containers", layout_volume, name);
        if (r >= 0)
                r = refresh(t, "snapshots", layout_snapshots, name);
        if (r < 0)
                log_at(LOG_WARNING, r, &fields, "Failed to set the links to the volume of instance \"%s\"", name);
}
