/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.network1.Network: one network or interface of the host. */
#include "bus-error.h"
#include "bus-interfaces.h"
#include "describe.h"
#include "lease.h"

int network_path_name(const char *path, char **ret) {
        _cleanup_strv_free_ Strv labels = NULL;
        int r;

        r = bus_path_decode(path, NETD_PREFIX_NETWORK, 2, &labels);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        *ret = TAKE_PTR(labels[1]); /* networks are the same in all projects */
        return 0;
}

int network_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found, sd_bus_error *error) {
        _cleanup_free_ char *name = NULL;
        int r;

        r = network_path_name(path, &name);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        *ret_found = userdata;
        return 1;
}

/* A request about one network that needs an answer of lxd-instanced first. */
typedef struct Ask {
        Manager *manager;
        sd_bus_message *message;
        char *name;
} Ask;

static Ask *ask_free(Ask *a) {
        if (!a)
                return NULL;
        sd_bus_message_unref(a->message);
        free(a->name);
        free(a);
        return NULL;
}
DEFINE_CLEANUP(Ask, ask_free)

static int reply_describe(Ask *a, const UsedBy *used, sd_bus_error *error) {
        _cleanup_(network_done) Network n = {};
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *etag = NULL;
        _cleanup_close_ int fd = -EBADF;
        Link link;
        int r;

        json_document_begin(&w);
        r = network_load(a->manager, a->name, &n, NULL);
        if (r >= 0) {
                describe_network(&w, &n, used_by_get(used, a->name));
                r = network_etag(&n, &etag);
        } else if (r == -ENOENT) {
                r = link_get(&a->manager->rtnl, a->name, &link);
                if (r == -ENODEV)
                        return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Network not found");
                if (r >= 0) {
                        describe_interface(&w, &link, used_by_get(used, a->name));
                        r = json_etag(&w, &etag);
                }
        }
        if (r < 0)
                return r;
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(a->message, fd, etag);
}

static void on_describe_used(const UsedBy *used, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(ask_freep) Ask *a = userdata;
        int r;

        if (!used) {
                (void) sd_bus_reply_method_error(a->message, e);
                return;
        }
        r = reply_describe(a, used, &error);
        if (r < 0) {
                (void) bus_error_ensure(&error, r);
                (void) sd_bus_reply_method_error(a->message, &error);
        }
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(ask_freep) Ask *a = NULL;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        a = calloc(1, sizeof(Ask));
        if (!a)
                return -ENOMEM;
        *a = (Ask) { .manager = userdata, .message = sd_bus_message_ref(m) };
        r = network_path_name(sd_bus_message_get_path(m), &a->name);
        if (r >= 0)
                r = used_by_query(a->manager, on_describe_used, a, error);
        if (r < 0)
                return r;
        TAKE_PTR(a);
        return 1;
}

static int method_describe_state(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(address_list_done) AddressList addresses = {};
        _cleanup_(link_list_done) LinkList links = {};
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int fd = -EBADF;
        Manager *manager = userdata;
        const Link *link;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = network_path_name(sd_bus_message_get_path(m), &name);
        if (r >= 0)
                r = link_list(&manager->rtnl, LINK_NSID_NONE, &links);
        if (r >= 0)
                r = address_list(&manager->rtnl, LINK_NSID_NONE, &addresses);
        if (r < 0)
                return r;
        link = link_list_find(&links, name);
        if (!link)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Network interface \"%s\" not found", name);
        json_document_begin(&w);
        describe_state(&w, link, &links, &addresses);
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, NULL);
}

static int method_describe_leases(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(network_done) Network n = {};
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int fd = -EBADF;
        Manager *manager = userdata;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = network_path_name(sd_bus_message_get_path(m), &name);
        if (r >= 0)
                r = network_load(manager, name, &n, error);
        if (r < 0)
                return r;
        json_document_begin(&w);
        r = lease_describe(manager, &n, &w);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to read the leases of network \"%s\"", name);
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, NULL);
}

/* A change of the network that the message's path names. */
static int change_new(sd_bus_message *m, Manager *manager, job_run_t run, Job **ret) {
        _cleanup_(job_freep) Job *j = NULL;
        int r;

        r = job_new(manager, run, m, &j);
        if (r >= 0)
                r = network_path_name(sd_bus_message_get_path(m), &j->network.name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        const char *description, *etag;
        int r;

        r = change_new(m, userdata, network_update, &j);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &description);
        if (r >= 0)
                r = bus_read_config(m, &j->next.config);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &etag);
        if (r >= 0)
                r = bus_read_requestor(m, &j->who);
        if (r >= 0)
                r = bus_read_flags(m, UPDATE_MERGE | UPDATE_CONFIG | UPDATE_DESCRIPTION, &j->flags, error);
        if (r >= 0 && !text_is_valid(description, true))
                r = bus_error_set(error, LXD_ERROR_INVALID, "The description has control characters");
        if (r >= 0)
                r = str_replace(&j->next.description, description);
        if (r >= 0)
                r = str_replace(&j->etag, etag);
        if (r < 0)
                return r;
        job_submit(TAKE_PTR(j));
        return 1;
}

static int method_rename(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        const char *name;
        uint64_t flags;
        int r;

        r = change_new(m, userdata, network_rename, &j);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = bus_read_requestor(m, &j->who);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = str_replace(&j->next.name, name);
        if (r < 0)
                return r;
        job_submit(TAKE_PTR(j));
        return 1;
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        uint64_t flags;
        int r;

        r = change_new(m, userdata, network_delete, &j);
        if (r >= 0)
                r = bus_read_requestor(m, &j->who);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        job_submit(TAKE_PTR(j));
        return 1;
}

/* The record behind a property; an unmanaged interface has an empty one. */
static int property_load(Manager *m, const char *path, Network *ret, bool *ret_managed, sd_bus_error *error) {
        _cleanup_free_ char *name = NULL;
        Link link;
        int r;

        r = network_path_name(path, &name);
        if (r < 0)
                return r;
        r = network_load(m, name, ret, error);
        *ret_managed = r >= 0;
        if (r == -ENOENT && link_get(&m->rtnl, name, &link) >= 0) {
                sd_bus_error_free(error);
                r = str_replace(&ret->name, name);
        }
        return r;
}

static int property_get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                        void *userdata, sd_bus_error *error) {
        _cleanup_(network_done) Network n = {};
        bool managed;
        int r;

        r = property_load(userdata, path, &n, &managed, error);
        if (r < 0)
                return r;
        if (streq(property, "Config"))
                return bus_append_config(reply, &n.config);
        if (streq(property, "Managed"))
                return sd_bus_message_append(reply, "b", managed);
        if (streq(property, "Name"))
                return sd_bus_message_append(reply, "s", n.name);
        return sd_bus_message_append(reply, "s", strempty(n.description));
}

const sd_bus_vtable network_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag), method_describe, 0),
        SD_BUS_METHOD_WITH_ARGS("DescribeState", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document), method_describe_state, 0),
        SD_BUS_METHOD_WITH_ARGS("DescribeLeases", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document), method_describe_leases, 0),
        SD_BUS_METHOD_WITH_ARGS("Update",
                                SD_BUS_ARGS("s", description, "a{ss}", config, "s", etag, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_update, 0),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_rename, 0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_delete, 0),
        SD_BUS_PROPERTY("Config", "a{ss}", property_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Description", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Managed", "b", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};
