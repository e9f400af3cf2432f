/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.cluster1.Certificate and the manager's methods about trust. */
#include "bus-error.h"
#include "certificate.h"
#include "json-write.h"
#include "manager.h"

static void write_certificate(JsonWriter *w, const Certificate *c) {
        json_object_begin(w, NULL);
        json_string(w, "name", c->name);
        json_string(w, "type", c->type);
        json_boolean(w, "restricted", c->restricted);
        json_strv(w, "projects", c->projects);
        json_string(w, "certificate", c->pem);
        json_string(w, "fingerprint", c->fingerprint);
        json_object_end(w);
}

static int certificate_etag(const Certificate *c, char **ret) {
        _cleanup_(json_done) JsonWriter w = {};

        write_certificate(&w, c);
        return json_etag(&w, ret);
}

typedef struct ListContext {
        JsonWriter w;
        uint32_t recursion;
} ListContext;

static int list_one(const Certificate *c, void *userdata) {
        ListContext *l = userdata;

        if (l->recursion == 0)
                json_stringf(&l->w, NULL, "/1.0/certificates/%s", c->fingerprint);
        else
                write_certificate(&l->w, c);
        return 0;
}

int method_list_certificates(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;
        ListContext l = {};
        _cleanup_close_ int fd = -EBADF;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "u", &l.recursion);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        json_document_begin(&l.w);
        json_array_begin(&l.w, NULL);
        r = records_certificate_each(manager->db, list_one, &l);
        json_array_end(&l.w);
        if (r < 0) {
                json_done(&l.w);
                return r;
        }
        fd = json_document_finish(&l.w);
        return fd < 0 ? fd : bus_reply_document(m, fd, NULL);
}

static int check_type(const char *type, sd_bus_error *error) {
        static const char *const types[] = { "client", "metrics", "server" };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(type, types[i]))
                        return 0;
        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid certificate type");
}

static int check_name(const char *name, sd_bus_error *error) {
        if (text_is_valid(name, false) && strlen(name) <= 255)
                return 0;
        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid certificate name: at most 255 bytes, no control characters");
}

/* The text for what the database refused. */
static int explain(sd_bus_error *error, int r) {
        if (r == -EEXIST)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Certificate already in trust store");
        if (r == -EBUSY)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Project not found");
        return bus_error_wrap(error, r, "Failed to store the certificate");
}

static void announce(Manager *manager, const char *action, const char *fingerprint, const Requestor *who) {
        _cleanup_free_ char *source = NULL;

        if (str_format(&source, "/1.0/certificates/%s", fingerprint) >= 0)
                manager_lifecycle(manager, action, source, who);
}

int method_add_certificate(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_(certificate_done) Certificate c = {};
        _cleanup_free_ char *common = NULL;
        const char *name, *type, *text;
        uint64_t flags;
        int restricted, r;

        r = sd_bus_message_read(m, "sssb", &name, &type, &text, &restricted);
        if (r >= 0)
                r = bus_read_strv(m, &c.projects);
        if (r >= 0)
                r = bus_read_requestor(m, &who);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = check_type(type, error);
        if (r >= 0)
                r = check_name(name, error);
        if (r >= 0)
                r = certificate_parse(text, &c.pem, &c.fingerprint, &common, error);
        if (r < 0)
                return r;
        c.restricted = restricted;
        /* Without a name of its own it is called after its subject, if that has a usable one. */
        if (isempty(name) && check_name(common, NULL) >= 0)
                name = common;
        if (str_replace(&c.name, name) < 0 || str_replace(&c.type, type) < 0)
                return -ENOMEM;
        r = records_certificate_add(manager->db, &c);
        if (r < 0)
                return explain(error, r);
        announce(manager, "certificate-created", c.fingerprint, &who);
        return sd_bus_reply_method_return(m, "s", c.fingerprint);
}

int method_is_trusted(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(certificate_done) Certificate c = {};
        const char *fingerprint;
        uint64_t flags;
        bool found;
        int r;

        r = sd_bus_message_read(m, "s", &fingerprint);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        if (!hex_is_valid(fingerprint, 64))
                return bus_error_set(error, LXD_ERROR_INVALID, "A fingerprint has 64 lower case hex digits");
        r = records_certificate_find(manager->db, fingerprint, &c);
        if (r < 0 && r != -ENOENT)
                return r;
        found = r >= 0;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "bsb", found, strempty(c.type), c.restricted);
        if (r >= 0)
                r = bus_append_strv(reply, c.projects);
        return r < 0 ? r : sd_bus_message_send(reply);
}

/* The object. Its userdata is the manager; the fingerprint is read from the path again, so nothing has to be kept alive. */

#define CERTIFICATE_PREFIX CLUSTER_ROOT "/certificate"

static int find_by_path(Manager *manager, const char *path, Certificate *ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv labels = NULL;
        int r;

        r = bus_path_decode(path, CERTIFICATE_PREFIX, 1, &labels);
        if (r <= 0)
                return r;
        r = isempty(labels[0]) ? -ENOENT : records_certificate_find(manager->db, labels[0], ret);
        if (r == -ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Certificate not found");
        if (r == -ENOTUNIQ)
                return bus_error_set(error, LXD_ERROR_INVALID, "More than one certificate matches the prefix \"%s\"", labels[0]);
        return r < 0 ? r : 1;
}

int certificate_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                            sd_bus_error *error) {
        _cleanup_(certificate_done) Certificate c = {};
        int r;

        r = find_by_path(userdata, path, &c, error);
        if (r > 0)
                *ret = userdata;
        return r;
}

static int enumerate_one(const Certificate *c, void *userdata) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = bus_path_encode(&path, CERTIFICATE_PREFIX, c->fingerprint, NULL);
        return r < 0 ? r : strv_extend(userdata, path);
}

int certificate_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error) {
        _cleanup_strv_free_ Strv v = NULL;
        Manager *manager = userdata;
        int r;

        r = records_certificate_each(manager->db, enumerate_one, &v);
        if (r < 0)
                return r;
        *ret_nodes = TAKE_PTR(v);
        return 1;
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(certificate_done) Certificate c = {};
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *etag = NULL;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = find_by_path(userdata, sd_bus_message_get_path(m), &c, error);
        if (r >= 0)
                r = certificate_etag(&c, &etag);
        if (r < 0)
                return r;
        json_document_begin(&w);
        write_certificate(&w, &c);
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, etag);
}

/* What is given replaces; the rest stays. */
static int read_change(sd_bus_message *m, Certificate *c, const char **etag, Requestor *who, sd_bus_error *error) {
        _cleanup_strv_free_ Strv projects = NULL;
        const char *name, *type;
        uint64_t flags;
        int restricted, r;

        r = sd_bus_message_read(m, "ssb", &name, &type, &restricted);
        if (r >= 0)
                r = bus_read_strv(m, &projects);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", etag);
        if (r >= 0)
                r = bus_read_requestor(m, who);
        if (r >= 0)
                r = bus_read_flags(m, UPDATE_MERGE | UPDATE_NAME | UPDATE_TYPE | UPDATE_PROJECTS, &flags, error);
        if (r >= 0 && (flags & UPDATE_NAME))
                r = check_name(name, error) ?: str_replace(&c->name, name);
        if (r >= 0 && flags & UPDATE_TYPE && !streq(type, c->type))
                return bus_error_set(error, LXD_ERROR_FORBIDDEN, "The certificate type cannot be changed");
        if (r < 0)
                return r;
        if (flags & UPDATE_PROJECTS) {
                c->restricted = restricted;
                strv_free(c->projects);
                c->projects = TAKE_PTR(projects);
        }
        return 0;
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_(certificate_done) Certificate c = {};
        _cleanup_free_ char *current = NULL;
        const char *etag;
        int r;

        r = find_by_path(manager, sd_bus_message_get_path(m), &c, error);
        if (r >= 0)
                r = certificate_etag(&c, &current);
        if (r >= 0)
                r = read_change(m, &c, &etag, &who, error);
        if (r >= 0)
                r = etag_check(etag, current, error);
        if (r < 0)
                return r;
        r = records_certificate_update(manager->db, &c);
        if (r < 0)
                return explain(error, r);
        announce(manager, "certificate-updated", c.fingerprint, &who);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_(certificate_done) Certificate c = {};
        uint64_t flags;
        int r;

        r = bus_read_requestor(m, &who);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = find_by_path(manager, sd_bus_message_get_path(m), &c, error);
        if (r >= 0)
                r = records_certificate_delete(manager->db, c.fingerprint);
        if (r < 0)
                return r;
        announce(manager, "certificate-deleted", c.fingerprint, &who);
        return sd_bus_reply_method_return(m, NULL);
}

static int property_get_certificate(sd_bus *bus, const char *path, const char *interface, const char *property,
                                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        _cleanup_(certificate_done) Certificate c = {};
        int r;

        r = find_by_path(userdata, path, &c, error);
        if (r < 0)
                return r;
        if (streq(property, "Restricted"))
                return sd_bus_message_append(reply, "b", c.restricted);
        if (streq(property, "Projects"))
                return bus_append_strv(reply, c.projects);
        return sd_bus_message_append(reply, "s", streq(property, "Fingerprint") ? c.fingerprint
                                                 : streq(property, "Name")      ? c.name
                                                                                : c.type);
}

const sd_bus_vtable certificate_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag), method_describe, 0),
        SD_BUS_METHOD_WITH_ARGS("Update",
                                SD_BUS_ARGS("s", name, "s", type, "b", restricted, "as", projects, "s", etag,
                                            "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_update, 0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_delete, 0),
        SD_BUS_PROPERTY("Fingerprint", "s", property_get_certificate, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", property_get_certificate, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Type", "s", property_get_certificate, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Restricted", "b", property_get_certificate, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Projects", "as", property_get_certificate, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};
