/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.cluster1.Project and the manager's methods about projects. */
#include "bus-error.h"
#include "json-write.h"
#include "manager.h"

#define PROJECT_PREFIX CLUSTER_ROOT "/project"

static int project_get(Manager *manager, const char *name, char **description, Config *config, sd_bus_error *error) {
        int r;

        r = records_project_get(manager->db, name, description, config);
        if (r == -ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Project not found");
        return r;
}

static int write_project(JsonWriter *w, Manager *manager, const char *name, char **ret_etag, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter editable = {};
        _cleanup_free_ char *description = NULL;
        _cleanup_(config_done) Config config = {};
        int r;

        r = project_get(manager, name, &description, &config, error);
        if (r < 0)
                return r;
        json_object_begin(w, NULL);
        json_config(w, "config", &config);
        json_string(w, "description", description);
        json_string(w, "name", name);
        json_array_begin(w, "used_by");
        json_array_end(w);
        json_object_end(w);
        if (!ret_etag)
                return 0;
        json_string(&editable, NULL, description);
        json_config(&editable, NULL, &config);
        return json_etag(&editable, ret_etag);
}

int method_list_projects(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_strv_free_ Strv names = NULL;
        _cleanup_close_ int fd = -EBADF;
        uint32_t recursion;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "u", &recursion);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = records_project_names(manager->db, &names);
        if (r < 0)
                return r;
        json_document_begin(&w);
        json_array_begin(&w, NULL);
        STRV_FOREACH(name, names) {
                if (recursion == 0)
                        json_stringf(&w, NULL, "/1.0/projects/%s", *name);
                else
                        r = write_project(&w, manager, *name, NULL, error);
                if (r < 0)
                        return r;
        }
        json_array_end(&w);
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, NULL);
}

int method_get_project(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *description = NULL;
        _cleanup_(config_done) Config config = {};
        const char *name;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = project_get(userdata, name, &description, &config, error);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", description);
        if (r >= 0)
                r = bus_append_config(reply, &config);
        return r < 0 ? r : sd_bus_message_send(reply);
}

/* The name in the path, if there is such a project: 1; 0 = another shape of path; -errno. */
static int name_from_path(Manager *manager, const char *path, char **ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv labels = NULL;
        _cleanup_free_ char *description = NULL;
        _cleanup_(config_done) Config config = {};
        int r;

        r = bus_path_decode(path, PROJECT_PREFIX, 1, &labels);
        if (r <= 0)
                return r;
        r = project_get(manager, labels[0], &description, &config, error);
        if (r < 0)
                return r;
        if (ret)
                *ret = TAKE_PTR(labels[0]);
        return 1;
}

int project_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                        sd_bus_error *error) {
        int r = name_from_path(userdata, path, NULL, error);

        if (r > 0)
                *ret = userdata;
        return r;
}

int project_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error) {
        _cleanup_strv_free_ Strv names = NULL, paths = NULL;
        Manager *manager = userdata;
        int r;

        r = records_project_names(manager->db, &names);
        STRV_FOREACH(name, names) {
                _cleanup_free_ char *path = NULL;

                if (r >= 0)
                        r = bus_path_encode(&path, PROJECT_PREFIX, *name, NULL);
                if (r >= 0)
                        r = strv_extend(&paths, path);
        }
        if (r < 0)
                return r;
        *ret_nodes = TAKE_PTR(paths);
        return 1;
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *name = NULL, *etag = NULL;
        _cleanup_close_ int fd = -EBADF;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = name_from_path(userdata, sd_bus_message_get_path(m), &name, error);
        if (r < 0)
                return r;
        json_document_begin(&w);
        r = write_project(&w, userdata, name, &etag, error);
        if (r < 0)
                return r;
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, etag);
}

const sd_bus_vtable project_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag), method_describe, 0),
        SD_BUS_VTABLE_END,
};
