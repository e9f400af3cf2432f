/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.cluster1.Manager: server configuration, cluster, warnings; what belongs to another noun is in its own file. */
#include <sys/utsname.h>

#include "certificate.h"
#include "json-write.h"
#include "manager.h"

static int property_get_config(sd_bus *bus, const char *path, const char *interface, const char *property,
                               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        _cleanup_(config_done) Config c = {};
        _cleanup_free_ char *etag = NULL;
        int r;

        r = manager_public_config(userdata, &c, &etag);
        return r < 0 ? r : bus_append_config(reply, &c);
}

static int property_get_server_name(sd_bus *bus, const char *path, const char *interface, const char *property,
                                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct utsname host;

        if (uname(&host) < 0)
                return -errno;
        return sd_bus_message_append(reply, "s", host.nodename);
}

static int method_get_config(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(config_done) Config c = {};
        _cleanup_free_ char *etag = NULL;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = manager_public_config(userdata, &c, &etag);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = bus_append_config(reply, &c);
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", etag);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_update_config(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_(config_done) Config change = {};
        const char *etag;
        uint64_t flags;
        int r;

        r = bus_read_config(m, &change);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &etag);
        if (r >= 0)
                r = bus_read_requestor(m, &who);
        if (r >= 0)
                r = bus_read_flags(m, UPDATE_MERGE | UPDATE_CONFIG, &flags, error);
        if (r >= 0)
                r = manager_update_config(userdata, &change, etag, &who, flags, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_check_password(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;
        const char *password, *hash = config_get(&manager->config, "core.trust_password");
        uint64_t flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &password);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(m, "b", hash && password_matches(password, hash));
}

/* A single server: a cluster of one, with nothing that a joining member would have to be told. */
static int method_describe_cluster(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *etag = NULL;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        json_document_begin(&w);
        json_object_begin(&w, NULL);
        json_string(&w, "server_name", "");
        json_boolean(&w, "enabled", false);
        json_array_begin(&w, "member_config");
        json_array_end(&w);
        json_object_end(&w);
        r = json_etag(&w, &etag);
        if (r < 0)
                return r;
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, etag);
}

static int method_list_warnings(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_strv_free_ Strv uuids = NULL;
        _cleanup_close_ int fd = -EBADF;
        uint32_t recursion;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "u", &recursion);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = records_warning_uuids(manager->db, &uuids);
        if (r < 0)
                return r;
        json_document_begin(&w);
        json_array_begin(&w, NULL);
        STRV_FOREACH(u, uuids)
                json_stringf(&w, NULL, "/1.0/warnings/%s", *u);
        json_array_end(&w);
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, NULL);
}

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DescribeCluster", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag),
                                method_describe_cluster, 0),
        SD_BUS_METHOD_WITH_ARGS("DescribeResources", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document),
                                method_describe_resources, 0),
        SD_BUS_METHOD_WITH_ARGS("GetConfig", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("a{ss}", config, "s", etag),
                                method_get_config, 0),
        SD_BUS_METHOD_WITH_ARGS("UpdateConfig",
                                SD_BUS_ARGS("a{ss}", config, "s", etag, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_update_config, 0),
        SD_BUS_METHOD_WITH_ARGS("CheckPassword", SD_BUS_ARGS("s", password, "t", flags), SD_BUS_RESULT("b", matches),
                                method_check_password, 0),
        SD_BUS_METHOD_WITH_ARGS("ListCertificates", SD_BUS_ARGS("u", recursion, "t", flags), SD_BUS_RESULT("h", document),
                                method_list_certificates, 0),
        SD_BUS_METHOD_WITH_ARGS("AddCertificate",
                                SD_BUS_ARGS("s", name, "s", type, "s", certificate, "b", restricted, "as", projects,
                                            "(sss)", requestor, "t", flags),
                                SD_BUS_RESULT("s", fingerprint), method_add_certificate, 0),
        SD_BUS_METHOD_WITH_ARGS("IsTrusted", SD_BUS_ARGS("s", fingerprint, "t", flags),
                                SD_BUS_RESULT("b", trusted, "s", type, "b", restricted, "as", projects), method_is_trusted, 0),
        SD_BUS_METHOD_WITH_ARGS("ListProjects", SD_BUS_ARGS("u", recursion, "t", flags), SD_BUS_RESULT("h", document),
                                method_list_projects, 0),
        SD_BUS_METHOD_WITH_ARGS("GetProject", SD_BUS_ARGS("s", name, "t", flags),
                                SD_BUS_RESULT("s", description, "a{ss}", config), method_get_project, 0),
        SD_BUS_METHOD_WITH_ARGS("CreateProject",
                                SD_BUS_ARGS("s", name, "s", description, "a{ss}", config, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_create_project, 0),
        SD_BUS_METHOD_WITH_ARGS("ListWarnings", SD_BUS_ARGS("u", recursion, "t", flags), SD_BUS_RESULT("h", document),
                                method_list_warnings, 0),
        SD_BUS_PROPERTY("Config", "a{ss}", property_get_config, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ServerName", "s", property_get_server_name, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};
