/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.instance1.Metadata: what came with the image, metadata.yaml and the templates, and its changes. Both lie beside the guest's
 * root, where no guest can reach them; but they come from an image, so nothing in them is followed. */
#include <dirent.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "access.h"
#include "base/file.h"
#include "bus.h"
#include "yaml-json.h"

#define METADATA_MAX ((size_t) 1024 * 1024)
#define TEMPLATE_MAX ((size_t) 4 * 1024 * 1024)
#define RESOLVE_STRICT (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

enum {
        METADATA_MERGE = 1 << 0,
        METADATA_ARCHITECTURE = 1 << 1,
        METADATA_CREATION = 1 << 2,
        METADATA_EXPIRY = 1 << 3,
        METADATA_PROPERTIES = 1 << 4,
        METADATA_TEMPLATES = 1 << 5,
        METADATA_FLAGS = (METADATA_TEMPLATES << 1) - 1,
};

typedef struct MetadataRequest {
        json_object *given; /* of an update: the new values */
        char *etag;
        bool merge;
        char *name;         /* of a template */
        int fd;             /* its content, coming or going */
        char *json;         /* the answer */
        const char *action;
        Requestor who;
} MetadataRequest;

static void metadata_request_free(void *p) {
        MetadataRequest *d = p;

        json_object_put(d->given);
        requestor_done(&d->who);
        close_safe(d->fd);
        free(d->etag);
        free(d->name);
        free(d->json);
        free(d);
}

static void metadata_request_freep(MetadataRequest **d) {
        if (*d)
                metadata_request_free(*d);
}

static MetadataRequest *metadata_request_new(const char *action) {
        MetadataRequest *d = calloc(1, sizeof(*d));

        if (d) {
                d->fd = -EBADF;
                d->action = action;
        }
        return d;
}

static MetadataRequest *request_of(Job *j) {
        return ((Access *) j->data)->arg;
}

/* ---- metadata.yaml ---- */

/* Every member is there in the answer, whatever the file leaves out. */
static int fill_missing(json_object *o) {
        static const struct {
                const char *key;
                json_type type;
        } members[] = { { "architecture", json_type_string }, { "creation_date", json_type_int }, { "expiry_date", json_type_int },
                        { "properties", json_type_object },   { "templates", json_type_object } };

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                json_object *v = NULL;

                if (json_object_object_get(o, members[i].key))
                        continue;
                switch (members[i].type) {
                case json_type_string:
                        v = json_object_new_string("");
                        break;
                case json_type_int:
                        v = json_object_new_int64(0);
                        break;
                default:
                        v = json_object_new_object();
                }
                if (!v || json_object_object_add(o, members[i].key, v) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* The file was checked by the import of the image, in a worker without privilege, or written by us. */
static int metadata_read(const char *volume, json_object **ret, sd_bus_error *error) {
        _cleanup_close_ int dir = -EBADF, fd = -EBADF;
        _cleanup_free_ char *text = NULL, *message = NULL;
        json_object *o = NULL;
        size_t size = 0;
        int r;

        dir = open(volume, O_PATH | O_DIRECTORY | O_CLOEXEC);
        fd = dir < 0 ? -errno : open_resolve(dir, "metadata.yaml", O_RDONLY, 0, RESOLVE_STRICT);
        if (fd == -ENOENT) {
                o = json_object_new_object();
                r = o ? 0 : -ENOMEM;
        } else {
                r = fd < 0 ? fd : fd_read_all(fd, METADATA_MAX, &text, &size);
                if (r < 0)
                        return bus_error_wrap(error, r, "Failed to read metadata.yaml");
                r = yaml_parse(text, size, &o, &message);
                if (r < 0 || !json_object_is_type(o, json_type_object)) {
                        json_object_put(o);
                        return bus_error_set(error, LXD_ERROR_FAILED, "Could not parse metadata.yaml: %s", message ?: "it is no mapping");
                }
        }
        if (r >= 0)
                r = fill_missing(o);
        if (r < 0) {
                json_object_put(o);
                return r;
        }
        *ret = o;
        return 0;
}

static int to_text(json_object *o, char **ret) {
        const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

        return text ? str_replace(ret, text) : -ENOMEM;
}

static int etag_of(const char *json, char **ret) {
        _cleanup_(json_done) JsonWriter bare = {};

        json_raw(&bare, NULL, json, strlen(json));
        return json_etag(&bare, ret);
}

static int work_describe(Job *j, sd_bus_error *error) {
        json_object *o = NULL;
        int r = metadata_read(((Access *) j->data)->volume.path, &o, error);

        if (r < 0)
                return r;
        r = to_text(o, &request_of(j)->json);
        json_object_put(o);
        return r;
}

static int reply_describe(Job *j) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *etag = NULL;
        const char *json = request_of(j)->json;
        int r;

        r = etag_of(json, &etag);
        if (r < 0)
                return r;
        instance_lifecycle(j->instance, request_of(j)->action, NULL, NULL, NULL);
        json_document_begin(&w);
        json_raw(&w, NULL, json, strlen(json));
        return bus_reply_writer(j->request, &w, etag);
}

int method_describe_metadata(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        MetadataRequest *d;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        d = metadata_request_new("metadata-retrieved");
        return d ? access_start(userdata, work_describe, reply_describe, true, d, metadata_request_free, m) : -ENOMEM;
}

/* Properties are merged by key, everything else is replaced. */
static int merge(json_object *o, json_object *given) {
        json_object_object_foreach(given, key, value) {
                json_object *old = json_object_object_get(o, key);

                if (streq(key, "properties") && json_object_is_type(old, json_type_object)) {
                        json_object_object_foreach(value, name, text)
                                if (json_object_object_add(old, name, json_object_get(text)) < 0)
                                        return -ENOMEM;
                } else if (json_object_object_add(o, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int metadata_write(const char *volume, json_object *o, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL, *path = NULL;
        size_t size;
        int r;

        r = yaml_dump(o, 0, &text, &size);
        if (r >= 0 && size > METADATA_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The metadata is larger than %zu MiB", METADATA_MAX >> 20);
        if (r >= 0)
                r = str_format(&path, "%s/metadata.yaml", volume);
        if (r >= 0)
                r = file_write_atomic(path, text, size, 0644);
        return r < 0 ? bus_error_wrap(error, r, "Failed to write metadata.yaml") : 0;
}

static int check_etag(json_object *o, const char *etag, sd_bus_error *error) {
        _cleanup_free_ char *json = NULL, *current = NULL;
        int r;

        if (isempty(etag))
                return 0;
        r = to_text(o, &json);
        if (r >= 0)
                r = etag_of(json, &current);
        if (r < 0 || streq(etag, current))
                return r;
        return bus_error_set(error, LXD_ERROR_PRECONDITION, "ETag doesn't match: %s vs %s", current, etag);
}

static int work_update(Job *j, sd_bus_error *error) {
        const char *volume = ((Access *) j->data)->volume.path;
        MetadataRequest *d = request_of(j);
        json_object *o = NULL;
        int r;

        r = metadata_read(volume, &o, error);
        if (r < 0)
                return r;
        r = check_etag(o, d->etag, error);
        if (r >= 0 && d->merge)
                r = merge(o, d->given);
        if (r >= 0)
                r = metadata_write(volume, d->merge ? o : d->given, error);
        json_object_put(o);
        return r;
}

static int reply_done(Job *j) {
        _cleanup_(config_done) Config context = {};
        MetadataRequest *d = request_of(j);

        if (d->name)
                (void) config_set(&context, "path", d->name);
        instance_lifecycle(j->instance, d->action, &context, &d->who, NULL);
        return sd_bus_reply_method_return(j->request, NULL);
}

static int json_from_config(const Config *c, json_object **ret) {
        json_object *o = json_object_new_object();

        if (!o)
                return -ENOMEM;
        CONFIG_FOREACH(i, c)
                if (json_object_object_add(o, i->key, json_object_new_string(i->value)) < 0) {
                        json_object_put(o);
                        return -ENOMEM;
                }
        *ret = o;
        return 0;
}

static int json_from_strv(char *const *v, json_object **ret) {
        json_object *o = json_object_new_array();

        if (!o)
                return -ENOMEM;
        STRV_FOREACH(s, v)
                if (json_object_array_add(o, json_object_new_string(*s)) < 0) {
                        json_object_put(o);
                        return -ENOMEM;
                }
        *ret = o;
        return 0;
}

static bool template_name_is_valid(const char *name) {
        return name[0] != '\0' && name[0] != '.' && !strchr(name, '/') && strlen(name) <= NAME_MAX - 16 && text_is_valid(name, false);
}

static int check_template(const char *name, sd_bus_error *error) {
        return template_name_is_valid(name) ? 0 : bus_error_set(error, LXD_ERROR_INVALID, "Invalid template filename");
}

/* One sasbsa{ss} as the member `path` of templates. */
static int read_template(sd_bus_message *m, json_object *templates, sd_bus_error *error) {
        _cleanup_(config_done) Config properties = {};
        json_object *o, *when_json = NULL, *properties_json = NULL;
        _cleanup_strv_free_ Strv when = NULL;
        const char *path, *file;
        int create_only, r;

        r = sd_bus_message_read(m, "s", &path);
        if (r >= 0)
                r = bus_read_strv(m, &when);
        if (r >= 0)
                r = sd_bus_message_read(m, "bs", &create_only, &file);
        if (r >= 0)
                r = bus_read_config(m, &properties);
        if (r >= 0 && file[0])
                r = check_template(file, error);
        if (r >= 0 && !path_is_valid(path)) /* as in an image */
                r = bus_error_set(error, LXD_ERROR_INVALID, "templates: \"%.255s\" must be an absolute path without \"..\"", path);
        if (r < 0)
                return r;

        o = json_object_new_object();
        if (!o || json_object_object_add(templates, path, o) < 0) {
                json_object_put(o);
                return -ENOMEM;
        }
        r = json_from_strv(when, &when_json);
        if (r >= 0)
                r = json_object_object_add(o, "when", when_json);
        if (r >= 0)
                r = json_object_object_add(o, "create_only", json_object_new_boolean(create_only));
        if (r >= 0)
                r = json_object_object_add(o, "template", json_object_new_string(file));
        if (r >= 0)
                r = json_from_config(&properties, &properties_json);
        if (r >= 0)
                r = json_object_object_add(o, "properties", properties_json);
        return r < 0 ? -ENOMEM : 0;
}

static int read_templates(sd_bus_message *m, json_object *templates, sd_bus_error *error) {
        int r = sd_bus_message_enter_container(m, 'a', "(sasbsa{ss})");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sasbsa{ss}")) > 0) {
                r = read_template(m, templates, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static void drop(json_object *o, uint64_t flags, uint64_t flag, const char *key) {
        if (!(flags & flag))
                json_object_object_del(o, key);
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(metadata_request_freep) MetadataRequest *d = metadata_request_new("metadata-updated");
        _cleanup_(config_done) Config properties = {};
        json_object *templates, *properties_json = NULL;
        const char *architecture, *etag;
        int64_t creation, expiry;
        uint64_t flags;
        int r;

        if (!d || !(d->given = json_object_new_object()) || !(templates = json_object_new_object()))
                return -ENOMEM;
        if (json_object_object_add(d->given, "templates", templates) < 0) {
                json_object_put(templates);
                return -ENOMEM;
        }
        r = sd_bus_message_read(m, "sxx", &architecture, &creation, &expiry);
        if (r >= 0)
                r = bus_read_config(m, &properties);
        if (r >= 0)
                r = read_templates(m, templates, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &etag);
        if (r >= 0)
                r = bus_read_tail(m, &d->who, METADATA_FLAGS, &flags, error);
        if (r >= 0)
                r = json_from_config(&properties, &properties_json);
        if (r < 0)
                return r;
        if (json_object_object_add(d->given, "properties", properties_json) < 0 ||
            json_object_object_add(d->given, "architecture", json_object_new_string(architecture)) < 0 ||
            json_object_object_add(d->given, "creation_date", json_object_new_int64(creation)) < 0 ||
            json_object_object_add(d->given, "expiry_date", json_object_new_int64(expiry)) < 0 || str_replace(&d->etag, etag) < 0)
                return -ENOMEM;

        d->merge = flags & METADATA_MERGE;
        if (d->merge) {
                drop(d->given, flags, METADATA_ARCHITECTURE, "architecture");
                drop(d->given, flags, METADATA_CREATION, "creation_date");
                drop(d->given, flags, METADATA_EXPIRY, "expiry_date");
                drop(d->given, flags, METADATA_PROPERTIES, "properties");
                drop(d->given, flags, METADATA_TEMPLATES, "templates");
        }
        return access_start(userdata, work_update, reply_done, true, TAKE_PTR(d), metadata_request_free, m);
}

/* ---- templates ---- */

/* The folder, made when it is wanted and missing. -ENOENT when there is none. */
static int open_templates(Job *j, bool make, sd_bus_error *error) {
        _cleanup_close_ int dir = open(((Access *) j->data)->volume.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int fd;

        if (dir < 0)
                return bus_error_wrap(error, -errno, "Failed to open the volume of \"%s\"", j->instance->name);
        if (make && mkdirat(dir, "templates", 0711) < 0 && errno != EEXIST)
                return bus_error_wrap(error, -errno, "Failed to make the folder of the templates");
        fd = open_resolve(dir, "templates", O_RDONLY | O_DIRECTORY, 0, RESOLVE_STRICT);
        if (fd < 0 && fd != -ENOENT)
                return bus_error_wrap(error, fd, "Failed to open the folder of the templates");
        return fd;
}

static int no_template(const char *name, sd_bus_error *error) {
        return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Template \"%s\" not found", name);
}

static int work_list(Job *j, sd_bus_error *error) {
        _cleanup_close_ int fd = open_templates(j, false, error);
        _cleanup_(json_done) JsonWriter w = {};
        struct dirent **entries = NULL;
        int n = 0;

        if (fd < 0 && fd != -ENOENT)
                return fd;
        if (fd >= 0)
                n = scandirat(fd, ".", &entries, NULL, alphasort);
        if (n < 0)
                return bus_error_wrap(error, -errno, "Failed to list the templates");
        json_array_begin(&w, NULL);
        for (int i = 0; i < n; i++) {
                if (template_name_is_valid(entries[i]->d_name) && (entries[i]->d_type == DT_REG || entries[i]->d_type == DT_UNKNOWN))
                        json_string(&w, NULL, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        json_array_end(&w);
        return json_finish_text(&w, &request_of(j)->json);
}

static int reply_list(Job *j) {
        _cleanup_(json_done) JsonWriter w = {};
        const char *json = request_of(j)->json;

        json_document_begin(&w);
        json_raw(&w, NULL, json, strlen(json));
        return bus_reply_writer(j->request, &w, NULL);
}

static int method_list_templates(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        MetadataRequest *d;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        d = metadata_request_new(NULL);
        return d ? access_start(userdata, work_list, reply_list, true, d, metadata_request_free, m) : -ENOMEM;
}

static int work_open(Job *j, sd_bus_error *error) {
        _cleanup_close_ int dir = open_templates(j, false, error), fd = -EBADF;
        MetadataRequest *d = request_of(j);
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (dir < 0 && dir != -ENOENT)
                return dir;
        fd = dir < 0 ? dir : open_resolve(dir, d->name, O_RDONLY | O_NONBLOCK, 0, RESOLVE_STRICT);
        if (fd == -ENOENT)
                return no_template(d->name, error);
        r = fd < 0 ? fd : fd_read_all(fd, TEMPLATE_MAX, &text, &size);
        if (r >= 0)
                r = d->fd = memfd_new_sealed("template", text, size); /* the volume is let go before the reader is done */
        return r < 0 ? bus_error_wrap(error, r, "Failed to read template \"%s\"", d->name) : 0;
}

static int reply_open(Job *j) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(config_done) Config context = {};
        MetadataRequest *d = request_of(j);
        int r;

        (void) config_set(&context, "path", d->name);
        instance_lifecycle(j->instance, d->action, &context, NULL, NULL);
        r = sd_bus_message_new_method_return(j->request, &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "h", d->fd);
        return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}

static int work_put(Job *j, sd_bus_error *error) {
        _cleanup_close_ int dir = open_templates(j, true, error);
        _cleanup_free_ char *text = NULL, *path = NULL;
        MetadataRequest *d = request_of(j);
        size_t size;
        int r;

        if (dir < 0)
                return dir;
        r = fd_read_all(d->fd, TEMPLATE_MAX, &text, &size);
        if (r >= 0)
                r = str_format(&path, "/proc/self/fd/%d/%s", dir, d->name);
        if (r >= 0)
                r = file_write_atomic(path, text, size, 0644);
        return r < 0 ? bus_error_wrap(error, r, "Failed to write template \"%s\"", d->name) : 0;
}

static int work_delete(Job *j, sd_bus_error *error) {
        _cleanup_close_ int dir = open_templates(j, false, error);
        MetadataRequest *d = request_of(j);

        if (dir < 0 && dir != -ENOENT)
                return dir;
        if (dir >= 0 && unlinkat(dir, d->name, 0) >= 0)
                return 0;
        if (dir < 0 || errno == ENOENT)
                return no_template(d->name, error);
        return bus_error_wrap(error, -errno, "Failed to delete template \"%s\"", d->name);
}

/* A request about one template: its name, for a put its content, and who asks unless it is a mere look. */
static int template_request(sd_bus_message *m, const char *action, bool content, bool look, MetadataRequest **ret, sd_bus_error *error) {
        _cleanup_(metadata_request_freep) MetadataRequest *d = metadata_request_new(action);
        const char *name;
        uint64_t flags;
        struct stat st;
        int r;

        if (!d)
                return -ENOMEM;
        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = check_template(name, error);
        if (r >= 0)
                r = str_replace(&d->name, name);
        if (r >= 0 && content)
                r = bus_read_fd(m, &d->fd);
        if (r >= 0)
                r = look ? bus_read_flags(m, 0, &flags, error) : bus_read_tail(m, &d->who, 0, NULL, error);
        if (r < 0)
                return r;
        /* It is read in one go by a daemon that must not wait. */
        if (content && (fstat(d->fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t) st.st_size > TEMPLATE_MAX))
                return bus_error_set(error, LXD_ERROR_INVALID, "The content of a template is a file of at most %zu MiB", TEMPLATE_MAX >> 20);
        *ret = TAKE_PTR(d);
        return 0;
}

static int method_open_template(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        MetadataRequest *d;
        int r = template_request(m, "metadata-template-retrieved", false, true, &d, error);

        return r < 0 ? r : access_start(userdata, work_open, reply_open, true, d, metadata_request_free, m);
}

static int method_put_template(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        MetadataRequest *d;
        int r = template_request(m, "metadata-template-created", true, false, &d, error);

        return r < 0 ? r : access_start(userdata, work_put, reply_done, true, d, metadata_request_free, m);
}

static int method_delete_template(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        MetadataRequest *d;
        int r = template_request(m, "metadata-template-deleted", false, false, &d, error);

        return r < 0 ? r : access_start(userdata, work_delete, reply_done, true, d, metadata_request_free, m);
}

const sd_bus_vtable metadata_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Update",
                                SD_BUS_ARGS("s", architecture, "x", creation_date, "x", expiry_date, "a{ss}", properties, "a(sasbsa{ss})",
                                            templates, "s", etag, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_update, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListTemplates", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document), method_list_templates,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenTemplate", SD_BUS_ARGS("s", name, "t", flags), SD_BUS_RESULT("h", content), method_open_template,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("PutTemplate", SD_BUS_ARGS("s", name, "h", content, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT,
                                method_put_template, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DeleteTemplate", SD_BUS_ARGS("s", name, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT,
                                method_delete_template, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};
