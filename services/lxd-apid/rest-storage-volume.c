/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/storage-pools/{pool}/volumes and the snapshots of volumes. */

#include <json-c/json.h>

#include "bus-error.h"
#include "json-args.h"
#include "reply.h"
#include "rest.h"
#include "rest-object.h"

#define PARTS (UPDATE_DESCRIPTION | UPDATE_CONFIG)

static int check_type(const char *type, sd_bus_error *error) {
        if (streq(type, "container") || streq(type, "virtual-machine") || streq(type, "image") || streq(type, "custom"))
                return 0;
        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid storage volume type name");
}

static int check_new_type(const char *type, sd_bus_error *error) {
        if (isempty(type))
                return bus_error_set(error, LXD_ERROR_INVALID, "You must provide a storage volume type of the storage volume");
        if (check_type(type, NULL) < 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Currently not allowed to create storage volumes of type \"%s\"", type);
        return 0;
}

/* labels: pool, type, name. */
static int volume_call(Call *c, Request *r, const char *member, sd_bus_error *error) {
        int x = check_type(r->labels[1], error);

        if (x < 0)
                return x;
        call_begin_object(c, r, OPERATION_OWNER_STORAGED, ".Volume", member, "volume", r->labels[0], r->labels[1], r->project,
                          r->labels[2], NULL);
        return 0;
}

/* labels: pool, type, name, snapshot. */
static int snapshot_call(Call *c, Request *r, const char *member, sd_bus_error *error) {
        int x = check_type(r->labels[1], error);

        if (x < 0)
                return x;
        call_begin_object(c, r, OPERATION_OWNER_STORAGED, ".VolumeSnapshot", member, "volume_snapshot", r->labels[0],
                          r->labels[1], r->project, r->labels[2], r->labels[3], NULL);
        return 0;
}

/* A Location below this volume or pool: the path of the request up to the label that changes. */
static int volume_location(Request *r, const char *name, const char *snapshot) {
        _cleanup_free_ char *pool = NULL, *volume = NULL, *prefix = NULL;
        int x;

        x = url_encode(r->labels[0], &pool);
        if (x >= 0)
                x = url_encode(name, &volume);
        if (x >= 0 && !snapshot)
                x = str_format(&prefix, "/1.0/storage-pools/%s/volumes/%s/", pool, r->labels[1] ?: "custom");
        else if (x >= 0)
                x = str_format(&prefix, "/1.0/storage-pools/%s/volumes/%s/%s/snapshots/", pool, r->labels[1], volume);
        return x < 0 ? x : location_set(r, prefix, snapshot ?: name);
}

int rest_volumes_get(Request *r, sd_bus_error *error) {
        Call c;
        int x = r->labels[1] ? check_type(r->labels[1], error) : 0;

        if (x < 0)
                return x;
        call_begin_object(&c, r, OPERATION_OWNER_STORAGED, ".Pool", "ListVolumes", "pool", r->labels[0], NULL);
        call_append(&c, "ssus", r->project, strempty(r->labels[1]), request_recursion(r),
                    strempty(request_parameter(r, "filter")));
        return call_send_document(&c, error);
}

/* source of a copy: {"type": "copy", "pool", "name", "project", "volume_only"}. 1 = is a copy, 0 = is none. */
static int read_source(Request *r, json_object *o, Config *ret, sd_bus_error *error) {
        const char *type = "", *name = "", *pool = r->labels[0], *project = r->project;
        json_object *source = NULL;
        bool only = false;
        int x;

        x = json_arg_object(o, "source", &source, error);
        if (x <= 0)
                return x;
        x = json_arg_text(source, "type", &type, error);
        if (x >= 0)
                x = json_arg_text(source, "name", &name, error);
        if (x >= 0)
                x = json_arg_text(source, "pool", &pool, error);
        if (x >= 0)
                x = json_arg_text(source, "project", &project, error);
        if (x >= 0)
                x = json_arg_bool(source, "volume_only", &only, error);
        if (x < 0)
                return x;
        if (type[0] == '\0')
                return 0;
        if (streq(type, "migration"))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Copying volumes between servers is not supported yet");
        if (!streq(type, "copy"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Unknown source type \"%s\"", type);

        x = config_set(ret, "type", "copy");
        if (x >= 0)
                x = config_set(ret, "name", name);
        if (x >= 0)
                x = config_set(ret, "pool", pool[0] ? pool : r->labels[0]);
        if (x >= 0)
                x = config_set(ret, "project", project[0] ? project : r->project);
        if (x >= 0)
                x = config_set(ret, "snapshots", only ? "false" : "true");
        return x < 0 ? x : 1;
}

int rest_volumes_post(Request *r, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        _cleanup_(config_done) Config source = {};
        const char *name, *type = strempty(r->labels[1]), *content = "filesystem";
        json_object *o = NULL;
        bool copy;
        Call c;
        int x;

        if (!r->ended) /* a body that is not JSON has begun to arrive */
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Importing volume backups is not supported yet");
        x = body_name(r, &name, error);
        if (x >= 0)
                x = update_body_read(r, PARTS, &b, error);
        if (x >= 0)
                x = request_json(r, &o, error);
        if (x >= 0 && !r->labels[1])
                x = json_arg_text(o, "type", &type, error);
        if (x >= 0)
                x = json_arg_text(o, "content_type", &content, error);
        if (x >= 0)
                x = check_new_type(type, error);
        if (x >= 0)
                x = read_source(r, o, &source, error);
        if (x < 0)
                return x;

        copy = x > 0;
        call_begin_object(&c, r, OPERATION_OWNER_STORAGED, ".Pool", copy ? "CopyVolume" : "CreateVolume", "pool", r->labels[0], NULL);
        if (copy)
                call_append(&c, "sss", r->project, name, b.description);
        else
                call_append(&c, "sssss", r->project, type, content[0] ? content : "filesystem", name, b.description);
        call_config(&c, &b.config);
        if (copy)
                call_config(&c, &source);
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) (copy && json_object_object_get(o, "config") ? UPDATE_CONFIG : 0)); /* null is none */
        return call_send(&c, copy ? then_operation : then_empty, error);
}

static int volume_document(Request *r, const char *member, sd_bus_error *error) {
        Call c;
        int x = volume_call(&c, r, member, error);

        return x < 0 ? x : call_send_document(&c, error);
}

int rest_volume_get(Request *r, sd_bus_error *error) {
        return volume_document(r, "Describe", error);
}

int rest_volume_state_get(Request *r, sd_bus_error *error) {
        return volume_document(r, "DescribeState", error);
}

/* PUT {"restore": "snap0"}. */
static int volume_restore(Request *r, const char *snapshot, sd_bus_error *error) {
        Call c;
        int x = volume_call(&c, r, "Restore", error);

        if (x < 0)
                return x;
        call_append(&c, "s", snapshot);
        return call_send_change(&c, 0, then_empty, error);
}

int rest_volume_put(Request *r, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        const char *restore = "";
        json_object *o = NULL;
        Call c;
        int x;

        x = update_body_read(r, PARTS, &b, error);
        if (x >= 0)
                x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "restore", &restore, error);
        if (x < 0)
                return x;
        if (restore[0])
                return volume_restore(r, restore, error);

        x = volume_call(&c, r, "Update", error);
        if (x < 0)
                return x;
        return object_send_update(&c, &b, PARTS, error);
}

int rest_volume_patch(Request *r, sd_bus_error *error) {
        return rest_volume_put(r, error);
}

int rest_volume_post(Request *r, sd_bus_error *error) {
        const char *name, *pool = "", *project = "";
        json_object *o = NULL;
        bool migration = false, moves;
        Call c;
        int x;

        x = body_name(r, &name, error);
        if (x >= 0)
                x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "pool", &pool, error);
        if (x >= 0)
                x = json_arg_text(o, "project", &project, error);
        if (x >= 0)
                x = json_arg_bool(o, "migration", &migration, error);
        if (x < 0)
                return x;
        if (migration || (project[0] && !streq(project, r->project)))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "Moving volumes between servers or projects is not supported yet; copy the volume and delete the old one");

        moves = pool[0] && !streq(pool, r->labels[0]);
        x = moves ? 0 : volume_location(r, name, NULL);
        if (x >= 0)
                x = volume_call(&c, r, moves ? "Move" : "Rename", error);
        if (x < 0)
                return x;
        if (moves)
                call_append(&c, "s", pool);
        call_append(&c, "s", name);
        return call_send_change(&c, 0, moves ? then_operation : then_created, error);
}

int rest_volume_delete(Request *r, sd_bus_error *error) {
        Call c;
        int x = volume_call(&c, r, "Delete", error);

        return x < 0 ? x : call_send_change(&c, 0, then_empty, error);
}

int rest_volume_snapshots_get(Request *r, sd_bus_error *error) {
        Call c;
        int x = volume_call(&c, r, "ListSnapshots", error);

        if (x < 0)
                return x;
        call_append(&c, "u", request_recursion(r));
        return call_send_document(&c, error);
}

int rest_volume_snapshots_post(Request *r, sd_bus_error *error) {
        const char *name = "";
        json_object *o = NULL;
        uint64_t expires = 0;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_text(o, "name", &name, error);
        if (x >= 0)
                x = json_arg_time(o, "expires_at", &expires, error);
        if (x >= 0)
                x = volume_call(&c, r, "CreateSnapshot", error);
        if (x < 0)
                return x;
        call_append(&c, "st", name, expires);
        return call_send_change(&c, 0, then_operation, error);
}

int rest_volume_snapshot_get(Request *r, sd_bus_error *error) {
        Call c;
        int x = snapshot_call(&c, r, "Describe", error);

        return x < 0 ? x : call_send_document(&c, error);
}

int rest_volume_snapshot_post(Request *r, sd_bus_error *error) {
        const char *name;
        Call c;
        int x;

        x = body_name(r, &name, error);
        if (x >= 0)
                x = snapshot_call(&c, r, "Rename", error);
        if (x < 0)
                return x;
        call_append(&c, "s", name);
        return call_send_change(&c, 0, then_operation, error);
}

int rest_volume_snapshot_put(Request *r, sd_bus_error *error) {
        bool patch = streq(r->method, "PATCH");
        uint64_t expires = 0, flags = patch ? UPDATE_MERGE : UPDATE_DESCRIPTION | UPDATE_EXPIRY;
        const char *description = "";
        json_object *o = NULL;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0 && (x = json_arg_text(o, "description", &description, error)) > 0)
                flags |= UPDATE_DESCRIPTION;
        if (x >= 0 && (x = json_arg_time(o, "expires_at", &expires, error)) > 0)
                flags |= UPDATE_EXPIRY;
        if (x >= 0)
                x = snapshot_call(&c, r, "Update", error);
        if (x < 0)
                return x;
        call_append(&c, "sts", description, expires, request_etag(r));
        return call_send_change(&c, flags, then_empty, error);
}

int rest_volume_snapshot_patch(Request *r, sd_bus_error *error) {
        return rest_volume_snapshot_put(r, error);
}

int rest_volume_snapshot_delete(Request *r, sd_bus_error *error) {
        Call c;
        int x = snapshot_call(&c, r, "Delete", error);

        return x < 0 ? x : call_send_change(&c, 0, then_operation, error);
}
