/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.storage1.Pool */
#include "bus-error.h"
#include "bus-interfaces.h"
#include "bus-request.h"
#include "copy.h"
#include "layout.h"
#include "pool.h"
#include "volume-list.h"

/* The pool that the message is for. */
static const char *pool_name(Manager *m) {
        return m->labels[0];
}

static int property_get_config(sd_bus *bus, const char *path, const char *interface, const char *property,
                               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;
        _cleanup_(pool_done) Pool p = {};
        int r;

        r = db_pool_get(m->db, pool_name(m), &p);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Storage pool not found");
        if (streq(property, "Config"))
                return bus_append_config(reply, &p.config);
        return sd_bus_message_append(reply, "s",
                                     streq(property, "Name") ? p.name : streq(property, "Driver") ? p.driver : p.description);
}

static int submit_simple(sd_bus_message *m, Manager *manager, const TaskKind *kind, bool exclusive, bool tolerant,
                         sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = pool_task_new(manager, kind, pool_name(manager), exclusive, &t);
        if (r < 0)
                return r;
        t->tolerant = tolerant;
        return task_submit(TAKE_PTR(t), m);
}

/* Reading takes no lock: what is being made or removed is not shown. */
static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        Manager *manager = userdata;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = task_new(manager, &pool_describe_kind, &t);
        if (r >= 0)
                r = str_replace(&t->pool_name, pool_name(manager));
        if (r < 0)
                return r;
        t->tolerant = true;
        return task_submit(TAKE_PTR(t), m);
}

static int method_describe_resources(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return submit_simple(m, userdata, &pool_resources_kind, false, false, error);
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        Manager *manager = userdata;
        int r;

        r = pool_task_new(manager, &pool_update_kind, pool_name(manager), true, &t);
        if (r >= 0)
                r = request_read_text(m, &t->description);
        if (r >= 0)
                r = bus_read_config(m, &t->config);
        if (r >= 0)
                r = request_read_text(m, &t->etag);
        if (r >= 0)
                r = request_read_tail(m, UPDATE_MERGE | UPDATE_CONFIG | UPDATE_DESCRIPTION, t, error);
        return r < 0 ? r : task_submit(TAKE_PTR(t), m);
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        Manager *manager = userdata;
        int r;

        r = pool_task_new(manager, &pool_delete_kind, pool_name(manager), true, &t);
        if (r >= 0)
                r = request_read_tail(m, 0, t, error);
        return r < 0 ? r : task_submit(TAKE_PTR(t), m);
}

static int check_type(const char *type, sd_bus_error *error) {
        if (volume_type_is_valid(type))
                return 0;
        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid storage volume type name");
}

static int method_list_volumes(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *project, *type, *filter;
        _cleanup_(filter_freep) Filter *parsed = NULL;
        _cleanup_(task_freep) Task *t = NULL;
        Manager *manager = userdata;
        uint32_t recursion;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "ssus", &project, &type, &recursion, &filter);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0 && type[0])
                r = check_type(type, error);
        if (r >= 0)
                r = filter_parse(filter, &parsed, error);
        if (r >= 0)
                r = task_new(manager, &volume_list_kind, &t);
        if (r >= 0)
                r = str_replace(&t->pool_name, pool_name(manager));
        if (r >= 0)
                r = str_replace(&t->volume.project, project);
        if (r >= 0 && type[0])
                r = str_replace(&t->volume.type, type);
        if (r >= 0)
                r = str_replace(&t->description, filter);
        if (r < 0)
                return r;
        t->recursion = recursion;
        t->tolerant = true;
        return task_submit(TAKE_PTR(t), m);
}

static int check_new_volume(const char *project, const char *type, const char *content_type, const char *name,
                            sd_bus_error *error) {
        if (isempty(type))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "You must provide a storage volume type of the storage volume");
        if (!streq(type, VOLUME_CUSTOM))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Currently not allowed to create storage volumes of type \"%s\"", type);
        if (streq(content_type, "block"))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Volumes of content type \"block\" are not supported");
        if (content_type[0] && !streq(content_type, "filesystem"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid volume content type name");
        if (!object_name_is_valid(project))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid project name \"%s\"", project);
        return volume_check_name(name, error);
}

static int method_create_volume(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *project, *type, *content_type, *name, *description;
        _cleanup_(task_freep) Task *t = NULL;
        Manager *manager = userdata;
        int r;

        r = sd_bus_message_read(m, "sssss", &project, &type, &content_type, &name, &description);
        if (r >= 0)
                r = check_new_volume(project, type, content_type, name, error);
        if (r >= 0)
                r = volume_task_new(manager, &volume_create_kind, pool_name(manager), type, project, name, &t);
        if (r >= 0)
                r = str_replace(&t->volume.description, description);
        if (r >= 0)
                r = bus_read_config(m, &t->volume.config);
        if (r >= 0)
                r = request_read_tail(m, 0, t, error);
        return r < 0 ? r : task_submit(TAKE_PTR(t), m);
}

static int copy_source(Task *t, const Config *source, const char *pool, const char *project, sd_bus_error *error) {
        const char *name = config_get_or(source, "name", config_get_or(source, "source", ""));
        const char *only = config_get_or(source, "volume_only", "");

        if (isempty(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "No source volume name supplied");
        t->with_snapshots = config_get(source, "snapshots") ? config_is_true(source, "snapshots") : !str_is_true(only);
        return copy_set_source(t, config_get_or(source, "pool", pool), VOLUME_CUSTOM,
                               config_get_or(source, "project", project), name);
}

/* What is wrong with the pool, the task finds out. */
static int check_free(Manager *m, const char *project, const char *name, sd_bus_error *error) {
        _cleanup_(pool_done) Pool p = {};
        int r = db_pool_get(m->db, pool_name(m), &p);

        return r < 0 ? (r == -ENOENT ? 0 : r) : volume_check_free(m, &p, VOLUME_CUSTOM, project, name, error);
}

static int method_copy_volume(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(config_done) Config source = {};
        const char *project, *name, *description;
        _cleanup_(task_freep) Task *t = NULL;
        Manager *manager = userdata;
        int r;

        r = sd_bus_message_read(m, "sss", &project, &name, &description);
        if (r >= 0)
                r = check_new_volume(project, VOLUME_CUSTOM, "", name, error);
        if (r >= 0)
                r = check_free(manager, project, name, error);
        if (r >= 0)
                r = volume_task_new(manager, &volume_copy_kind, pool_name(manager), VOLUME_CUSTOM, project, name, &t);
        if (r >= 0)
                r = str_replace(&t->volume.description, description);
        if (r >= 0)
                r = bus_read_config(m, &t->volume.config);
        if (r >= 0)
                r = bus_read_config(m, &source);
        if (r >= 0)
                r = request_read_tail(m, UPDATE_CONFIG, t, error); /* the configuration is given, even if it is empty */
        if (r >= 0)
                r = copy_source(t, &source, pool_name(manager), project, error);
        return r < 0 ? r : request_submit_operation(TAKE_PTR(t), m, "Copying storage volume", NULL, NULL, error);
}

const sd_bus_vtable bus_pool_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Name", "s", property_get_config, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Driver", "s", property_get_config, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Description", "s", property_get_config, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Config", "a{ss}", property_get_config, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag),
                                method_describe, 0),
        SD_BUS_METHOD_WITH_ARGS("Update",
                                SD_BUS_ARGS("s", description, "a{ss}", config, "s", etag, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_update, 0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_delete,
                                0),
        SD_BUS_METHOD_WITH_ARGS("DescribeResources", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document),
                                method_describe_resources, 0),
        SD_BUS_METHOD_WITH_ARGS("ListVolumes",
                                SD_BUS_ARGS("s", project, "s", type, "u", recursion, "s", filter, "t", flags),
                                SD_BUS_RESULT("h", document), method_list_volumes, 0),
        SD_BUS_METHOD_WITH_ARGS("CreateVolume",
                                SD_BUS_ARGS("s", project, "s", type, "s", content_type, "s", name, "s", description,
                                            "a{ss}", config, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_create_volume, 0),
        SD_BUS_METHOD_WITH_ARGS("CopyVolume",
                                SD_BUS_ARGS("s", project, "s", name, "s", description, "a{ss}", config, "a{ss}", source,
                                            "(sss)", requestor, "t", flags),
                                SD_BUS_RESULT("o", operation), method_copy_volume, 0),
        SD_BUS_VTABLE_END,
};
