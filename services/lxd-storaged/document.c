/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of pools, volumes and snapshots, key for key as LXD has it. */
#include "document.h"

#include "bus-error.h"

void document_pool(JsonWriter *w, const char *key, const Pool *p, char *const *used_by) {
        json_object_begin(w, key);
        json_config(w, "config", &p->config);
        json_string(w, "description", p->description);
        json_string(w, "name", p->name);
        json_string(w, "driver", p->driver);
        json_strv(w, "used_by", used_by);
        json_string(w, "status", "Created");
        json_array_begin(w, "locations");
        json_string(w, NULL, "none");
        json_array_end(w);
        json_object_end(w);
}

void document_volume(JsonWriter *w, const char *key, const Volume *v, const Snapshot *snapshot, char *const *used_by) {
        json_object_begin(w, key);
        json_config(w, "config", snapshot ? &snapshot->config : &v->config);
        json_string(w, "description", snapshot ? snapshot->description : v->description);
        if (snapshot)
                json_stringf(w, "name", "%s/%s", v->name, snapshot->name);
        else
                json_string(w, "name", v->name);
        json_string(w, "type", v->type);
        json_strv(w, "used_by", used_by);
        json_string(w, "location", "none");
        json_string(w, "content_type", v->content_type);
        json_string(w, "project", v->project);
        json_time(w, "created_at", snapshot ? snapshot->created_at : v->created_at);
        json_object_end(w);
}

void document_snapshot(JsonWriter *w, const char *key, const Volume *v, const Snapshot *s, bool full_name) {
        json_object_begin(w, key);
        json_string(w, "description", s->description);
        if (s->expires_at > 0 || !full_name)
                json_time(w, "expires_at", s->expires_at);
        else
                json_null(w, "expires_at");
        if (full_name)
                json_stringf(w, "name", "%s/%s", v->name, s->name);
        else
                json_string(w, "name", s->name);
        json_config(w, "config", &s->config);
        json_string(w, "content_type", v->content_type);
        json_time(w, "created_at", s->created_at);
        json_object_end(w);
}

static void etag_cleanup(JsonWriter *w) {
        json_done(w);
}

int document_pool_etag(const Pool *p, char **ret) {
        _cleanup_(etag_cleanup) JsonWriter w = {};

        json_array_begin(&w, NULL);
        json_string(&w, NULL, p->name);
        json_string(&w, NULL, p->driver);
        json_string(&w, NULL, p->description);
        json_config(&w, NULL, &p->config);
        json_array_end(&w);
        return json_etag(&w, ret);
}

int document_volume_etag(const Volume *v, char **ret) {
        _cleanup_(etag_cleanup) JsonWriter w = {};

        json_array_begin(&w, NULL);
        json_string(&w, NULL, v->name);
        json_string(&w, NULL, v->type);
        json_string(&w, NULL, v->description);
        json_config(&w, NULL, &v->config);
        json_array_end(&w);
        return json_etag(&w, ret);
}

int document_snapshot_etag(const Snapshot *s, char **ret) {
        _cleanup_(etag_cleanup) JsonWriter w = {};

        json_array_begin(&w, NULL);
        json_string(&w, NULL, s->name);
        json_string(&w, NULL, s->description);
        json_time(&w, NULL, s->expires_at);
        json_config(&w, NULL, &s->config);
        json_array_end(&w);
        return json_etag(&w, ret);
}

int document_check_etag(const char *given, const char *current, sd_bus_error *error) {
        if (isempty(given) || streq(given, current))
                return 0;
        return bus_error_set(error, LXD_ERROR_PRECONDITION, "ETag doesn't match: %s vs %s", current, given);
}
