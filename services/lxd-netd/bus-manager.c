/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.network1.Manager: listing and creating networks. */
#include "bus-error.h"
#include "bus-interfaces.h"
#include "describe.h"
#include "network-config.h"

const BusInterface manager_interfaces[] = {
        { NETD_ROOT, NETD_INTERFACE("Manager"), manager_vtable, NULL, NULL },
        { NETD_ROOT, NETD_INTERFACE("Nics"), nics_vtable, NULL, NULL },
        { NETD_PREFIX_NETWORK, NETD_INTERFACE("Network"), network_vtable, network_object_find, NULL },
        {},
};

int manager_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error) {
        _cleanup_(network_list_done) NetworkList list = {};
        _cleanup_strv_free_ Strv nodes = calloc(1, sizeof(char *));
        Manager *m = userdata;
        int r;

        if (!nodes)
                return -ENOMEM;
        r = db_network_list(m->db, &list);
        for (size_t i = 0; r >= 0 && i < list.n; i++) {
                _cleanup_free_ char *path = NULL;

                r = bus_path_encode(&path, NETD_PREFIX_NETWORK, "default", list.items[i].name, NULL);
                if (r >= 0)
                        r = strv_extend(&nodes, path);
        }
        if (r < 0)
                return r;
        *ret_nodes = TAKE_PTR(nodes);
        return 0;
}

/* Managed networks and interfaces of the host, by name. used NULL: only URLs are wanted. */
static int write_list(Manager *m, uint32_t recursion, const UsedBy *used, JsonWriter *w) {
        _cleanup_(network_list_done) NetworkList networks = {};
        _cleanup_(link_list_done) LinkList links = {};
        int r;

        r = db_network_list(m->db, &networks);
        if (r >= 0)
                r = link_list(&m->rtnl, LINK_NSID_NONE, &links);
        if (r < 0)
                return r;
        json_array_begin(w, NULL);
        for (size_t i = 0; i < networks.n; i++)
                if (recursion == 0)
                        json_stringf(w, NULL, "/1.0/networks/%s", networks.items[i].name);
                else
                        describe_network(w, networks.items + i, used_by_get(used, networks.items[i].name));
        for (size_t i = 0; i < links.n; i++) {
                bool managed = !describe_is_listed(links.items + i);

                for (size_t k = 0; k < networks.n && !managed; k++)
                        managed = streq(networks.items[k].name, links.items[i].name);
                if (managed)
                        continue;
                if (recursion == 0)
                        json_stringf(w, NULL, "/1.0/networks/%s", links.items[i].name);
                else
                        describe_interface(w, links.items + i, used_by_get(used, links.items[i].name));
        }
        json_array_end(w);
        return 0;
}

static int reply_list(Manager *manager, sd_bus_message *m, uint32_t recursion, const UsedBy *used) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_close_ int fd = -EBADF;
        int r;

        json_document_begin(&w);
        r = write_list(manager, recursion, used, &w);
        if (r < 0)
                return r;
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, NULL);
}

typedef struct Listing {
        Manager *manager;
        sd_bus_message *message;
} Listing;

static void on_list_used(const UsedBy *used, const sd_bus_error *e, void *userdata) {
        Listing l = *(Listing *) userdata;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = l.message;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        free(userdata);
        r = used ? reply_list(l.manager, m, 1, used) : sd_bus_reply_method_error(m, e);
        if (r < 0) {
                (void) bus_error_wrap(&error, r, "Failed to list networks");
                (void) sd_bus_reply_method_error(m, &error);
        }
}

static int method_list_networks(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Manager *manager = userdata;
        const char *project;
        uint32_t recursion;
        uint64_t flags;
        Listing *l;
        int r;

        r = sd_bus_message_read(m, "su", &project, &recursion);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        if (recursion == 0)
                return reply_list(manager, m, 0, NULL);
        l = malloc(sizeof(Listing));
        if (!l)
                return -ENOMEM;
        *l = (Listing) { manager, sd_bus_message_ref(m) };
        r = used_by_query(manager, on_list_used, l, error);
        if (r < 0) {
                sd_bus_message_unref(l->message);
                free(l);
                return r;
        }
        return 1;
}

static int method_create_network(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *project, *name, *type, *description;
        _cleanup_(job_freep) Job *j = NULL;
        uint64_t flags;
        int r;

        r = job_new(userdata, network_create, m, &j);
        if (r >= 0)
                r = sd_bus_message_read(m, "ssss", &project, &name, &type, &description);
        if (r >= 0)
                r = bus_read_config(m, &j->next.config);
        if (r >= 0)
                r = bus_read_requestor(m, &j->who);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        if (!isempty(type) && !streq(type, "bridge"))
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Unknown driver: networks of type \"%s\" are not supported, only \"bridge\" is", type);
        r = network_name_check(name, error);
        if (r >= 0)
                r = network_config_check(name, &j->next.config, error);
        if (r >= 0 && !text_is_valid(description, true))
                r = bus_error_set(error, LXD_ERROR_INVALID, "The description has control characters");
        if (r >= 0)
                r = str_replace(&j->next.name, name);
        if (r >= 0)
                r = str_replace(&j->next.description, description);
        if (r < 0)
                return r;
        job_submit(TAKE_PTR(j));
        return 1;
}

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListNetworks", SD_BUS_ARGS("s", project, "u", recursion, "t", flags), SD_BUS_RESULT("h", document),
                                method_list_networks, 0),
        SD_BUS_METHOD_WITH_ARGS("CreateNetwork",
                                SD_BUS_ARGS("s", project, "s", name, "s", type, "s", description, "a{ss}", config, "(sss)", requestor,
                                            "t", flags),
                                SD_BUS_NO_RESULT, method_create_network, 0),
        SD_BUS_VTABLE_END,
};
