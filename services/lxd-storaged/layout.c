/* SPDX-License-Identifier: Apache-2.0 */
/* Names of directories and URLs. */
#include "layout.h"

#define GIB (1024ULL * 1024 * 1024)
#define LOOP_GIB_MIN 5
#define LOOP_GIB_MAX 30

const char *layout_kind(const char *type) {
        if (streq(type, VOLUME_CONTAINER))
                return "containers";
        if (streq(type, VOLUME_CUSTOM))
                return "custom";
        if (streq(type, VOLUME_IMAGE))
                return "images";
        if (streq(type, VOLUME_VM))
                return "virtual-machines";
        return NULL;
}

int layout_volume_name(const char *type, const char *project, const char *name, char **ret) {
        if (streq(type, VOLUME_IMAGE) || (!streq(type, VOLUME_CUSTOM) && streq(project, "default")))
                return str_format(ret, "%s", name);
        return str_format(ret, "%s_%s", project, name);
}

static int volume_path(const char *type, const char *suffix, const char *project, const char *name,
                       const char *snapshot, char **ret) {
        _cleanup_free_ char *volume = NULL;
        const char *kind = layout_kind(type);
        int r;

        if (!kind)
                return -EINVAL;
        r = layout_volume_name(type, project, name, &volume);
        if (r < 0)
                return r;
        return str_format(ret, "%s%s/%s%s%s", kind, suffix, volume, snapshot ? "/" : "", strempty(snapshot));
}

int layout_volume(const char *type, const char *project, const char *name, char **ret) {
        return volume_path(type, "", project, name, NULL, ret);
}

int layout_snapshots(const char *type, const char *project, const char *name, char **ret) {
        return volume_path(type, "-snapshots", project, name, NULL, ret);
}

int layout_snapshot(const char *type, const char *project, const char *name, const char *snapshot, char **ret) {
        return volume_path(type, "-snapshots", project, name, snapshot, ret);
}

int layout_pool(const char *state_dir, const char *pool, char **ret) {
        return str_format(ret, "%s/storage-pools/%s", state_dir, pool);
}

int layout_loop_file(const char *state_dir, const char *pool, char **ret) {
        return str_format(ret, "%s/disks/%s.img", state_dir, pool);
}

/* prefix, name, "/snapshots/" snapshot, "?project=" project, each part encoded. */
static int object_url(const char *prefix, const char *project, const char *name, const char *snapshot, char **ret) {
        _cleanup_free_ char *n = NULL, *s = NULL, *p = NULL;
        bool with_project = !streq(project, "default");
        int r;

        r = url_encode(name, &n);
        if (r >= 0)
                r = url_encode(strempty(snapshot), &s);
        if (r >= 0)
                r = url_encode(project, &p);
        if (r < 0)
                return r;
        return str_format(ret, "%s/%s%s%s%s%s", prefix, n, snapshot ? "/snapshots/" : "", s,
                          with_project ? "?project=" : "", with_project ? p : "");
}

int layout_volume_url(const char *pool, const char *type, const char *project, const char *name, const char *snapshot,
                      char **ret) {
        _cleanup_free_ char *base = NULL, *prefix = NULL;
        int r;

        r = layout_pool_url(pool, &base);
        if (r >= 0)
                r = str_format(&prefix, "%s/volumes/%s", base, type);
        return r < 0 ? r : object_url(prefix, project, name, snapshot, ret);
}

int layout_pool_url(const char *pool, char **ret) {
        return object_url("/1.0/storage-pools", "default", pool, NULL, ret);
}

int layout_owner_url(const char *type, const char *project, const char *name, const char *snapshot, char **ret) {
        if (streq(type, VOLUME_CUSTOM)) {
                *ret = NULL;
                return 0;
        }
        if (streq(type, VOLUME_IMAGE))
                return object_url("/1.0/images", project, name, NULL, ret);
        return object_url("/1.0/instances", project, name, snapshot, ret);
}

uint64_t layout_loop_size_gib(uint64_t free_bytes) {
        uint64_t gib = free_bytes / GIB / 5;

        return MIN(MAX(gib, (uint64_t) LOOP_GIB_MIN), (uint64_t) LOOP_GIB_MAX);
}
