/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.cluster1.Project and the manager's methods about projects. */
#include "bus-error.h"
#include "json-write.h"
#include "manager.h"
#include "project-config.h"

#define PROJECT_PREFIX CLUSTER_ROOT "/project"

/* Either result may be NULL. */
static int project_get(Manager *manager, const char *name, char **ret_description, Config *ret_config, sd_bus_error *error) {
        _cleanup_free_ char *description = NULL;
        _cleanup_(config_done) Config config = {};
        int r;

        r = records_project_get(manager->db, name, &description, &config);
        if (r == -ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Project not found");
        if (r < 0)
                return r;
        if (ret_description)
                *ret_description = TAKE_PTR(description);
        if (ret_config) {
                *ret_config = config;
                config = (Config) {};
        }
        return 0;
}

/* The editable part. */
static int project_etag(const char *description, const Config *config, char **ret) {
        _cleanup_(json_done) JsonWriter w = {};

        json_string(&w, NULL, description);
        json_config(&w, NULL, config);
        return json_etag(&w, ret);
}

static int write_project(JsonWriter *w, Manager *manager, const char *name, char **ret_etag, sd_bus_error *error) {
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
        return ret_etag ? project_etag(description, &config, ret_etag) : 0;
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

/* Everything that belongs to an instance is kept per project, but no daemon has learned yet what a second one shares with the first. */
int method_create_project(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_(config_done) Config config = {}, none = {};
        const char *name, *description;
        Manager *manager = userdata;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "ss", &name, &description);
        if (r >= 0)
                r = bus_read_config(m, &config);
        if (r >= 0)
                r = bus_read_requestor(m, &who);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = project_name_check(name, error);
        if (r >= 0)
                r = project_config_check(&none, &config, error);
        if (r < 0)
                return r;
        r = project_get(manager, name, NULL, NULL, NULL);
        if (r >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Project \"%s\" already exists", name);
        if (r != -ENOENT)
                return r;
        return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Projects besides \"default\" are not supported yet");
}

/* The name in the path, if there is such a project: 1; 0 = another shape of path; -errno. */
static int name_from_path(Manager *manager, const char *path, char **ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv labels = NULL;
        int r;

        r = bus_path_decode(path, PROJECT_PREFIX, 1, &labels);
        if (r <= 0)
                return r;
        r = project_get(manager, labels[0], NULL, NULL, error);
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

static int next_config(const Config *old, const Config *change, uint64_t flags, Config *ret, sd_bus_error *error) {
        int r = 0;

        if (flags & UPDATE_MERGE || !(flags & UPDATE_CONFIG))
                r = config_merge(ret, old, false);
        if (r >= 0 && flags & UPDATE_CONFIG)
                r = config_merge(ret, change, true);
        return r < 0 ? r : project_config_check(old, ret, error);
}

/* What the default project shares is what the others can rely on. */
static int features_stay(const char *name, const Config *old, const Config *new, sd_bus_error *error) {
        const Config *both[] = { old, new };

        for (size_t i = 0; streq(name, "default") && i < ELEMENTSOF(both); i++)
                CONFIG_FOREACH(k, both[i])
                        if (startswith(k->key, "features.") && !streq_ptr(config_get(old, k->key), config_get(new, k->key)))
                                return bus_error_set(error, LXD_ERROR_INVALID, "You can't change the features of the default project");
        return 0;
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *name = NULL, *description = NULL, *current = NULL, *source = NULL;
        _cleanup_(config_done) Config config = {}, change = {}, next = {};
        _cleanup_(requestor_done) Requestor who = {};
        const char *text, *etag;
        Manager *manager = userdata;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "s", &text);
        if (r >= 0)
                r = bus_read_config(m, &change);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &etag);
        if (r >= 0)
                r = bus_read_requestor(m, &who);
        if (r >= 0)
                r = bus_read_flags(m, UPDATE_MERGE | UPDATE_DESCRIPTION | UPDATE_CONFIG, &flags, error);
        if (r >= 0)
                r = name_from_path(manager, sd_bus_message_get_path(m), &name, error);
        if (r >= 0)
                r = project_get(manager, name, &description, &config, error);
        if (r >= 0)
                r = project_etag(description, &config, &current);
        if (r >= 0)
                r = etag_check(etag, current, error);
        if (r >= 0)
                r = next_config(&config, &change, flags, &next, error);
        if (r >= 0)
                r = features_stay(name, &config, &next, error);
        if (r < 0)
                return r;
        if (flags & UPDATE_DESCRIPTION && !text_is_valid(text, true))
                return bus_error_set(error, LXD_ERROR_INVALID, "The description has control characters");
        r = records_project_update(manager->db, name, flags & UPDATE_DESCRIPTION ? text : description, &next);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to store project \"%s\"", name);
        if (str_format(&source, "/1.0/projects/%s", name) >= 0)
                manager_lifecycle(manager, "project-updated", source, &who);
        return sd_bus_reply_method_return(m, NULL);
}

/* The default project stays, and there is no other yet (method_create_project()). */
static int method_rename(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return bus_error_set(error, LXD_ERROR_FORBIDDEN, "The 'default' project cannot be renamed");
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return bus_error_set(error, LXD_ERROR_FORBIDDEN, "The 'default' project cannot be deleted");
}

const sd_bus_vtable project_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag), method_describe, 0),
        SD_BUS_METHOD_WITH_ARGS("Update",
                                SD_BUS_ARGS("s", description, "a{ss}", config, "s", etag, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_update, 0),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_rename, 0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_delete, 0),
        SD_BUS_VTABLE_END,
};
