/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-instanced and lxd-imaged, played for the tests: one guest with the id 7. Not for more than one test at a time. */
#pragma once

#include <sys/mman.h>
#include <sys/socket.h>

#include "base/file.h"
#include "bus-error.h"
#include "bus-message.h"
#include "caller.h"
#include "http.h"
#include "operation.h"

static Config played_config;
static Caller played_caller;
static int played_identify_error;
static BusServer *played_server;
static Operations *played_operations; /* has the method to subscribe to signals */

static inline int played_get_guest(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(devices_done) Devices devices = {};
        _cleanup_(config_done) Config nic = {};
        uint64_t guest;
        int r;

        r = sd_bus_message_read(m, "t", &guest);
        if (r < 0)
                return r;
        if (guest != 7)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Instance not found");
        r = config_set(&nic, "type", "nic");
        if (r >= 0)
                r = devices_set(&devices, "eth0", &nic);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "sss", "default", "c1", "084564c9-d474-4aff-a6cd-ed269d5dd8df");
        if (r >= 0)
                r = bus_append_config(reply, &played_config);
        if (r >= 0)
                r = bus_append_devices(reply, &devices);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static inline int played_get_pid(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                                 void *userdata, sd_bus_error *error) {
        return sd_bus_message_append(reply, "u", 4711u);
}

/* lxd-imaged: "one" is unified, "two" split, nothing else is there. */
static inline int played_export(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_close_ int first = memfd_create("first", MFD_CLOEXEC), second = memfd_create("second", MFD_CLOEXEC);
        const char *project, *fingerprint;
        int r = sd_bus_message_read(m, "ss", &project, &fingerprint);

        if (r < 0 || fd_write_all(first, "metadata", 8) < 0 || fd_write_all(second, "squash", 6) < 0)
                return -EIO;
        if (!streq(project, "default"))
                return -EINVAL;
        if (streq(fingerprint, "one"))
                return sd_bus_reply_method_return(m, "a(sh)", 1, "one.tar.xz", first);
        if (streq(fingerprint, "two"))
                return sd_bus_reply_method_return(m, "a(sh)", 2, "meta-two.tar.xz", first, "two.squashfs", second);
        if (streq(fingerprint, "broken"))
                return bus_error_set(error, LXD_ERROR_FAILED, "The disk is broken");
        return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Image not found");
}

static const sd_bus_vtable played_store_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ExportPublic", "sst", "a(sh)", played_export, 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable played_guest_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetGuest", "tt", "sssa{ss}a{sa{ss}}", played_get_guest, 0),
        SD_BUS_SIGNAL("GuestConfigChanged", "ta{ss}a{ss}", 0),
        SD_BUS_VTABLE_END,
};
static const sd_bus_vtable played_instance_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Pid", "u", played_get_pid, 0, 0),
        SD_BUS_VTABLE_END,
};
static const BusInterface played_guest = { "/org/lxd/instance1", "org.lxd.instance1.Guest", played_guest_vtable, NULL, NULL };
static const BusInterface played_instance = { "/org/lxd/instance1/instance/default/c1", "org.lxd.instance1.Instance",
                                              played_instance_vtable, NULL, NULL };

static const BusInterface played_store = { "/org/lxd/image1", "org.lxd.image1.Store", played_store_vtable, NULL, NULL };

static inline int played_identify(int fd, struct Caller *ret) {
        if (played_identify_error == 0)
                *ret = played_caller;
        return played_identify_error;
}

static inline int played_root_uid(pid_t init, uid_t *ret) {
        *ret = init == 4711 ? 1000000 : 0;
        return 0;
}

/* A manager that talks to the played instanced. 0, -errno. */
static inline int played_open(sd_event *event, Manager **ret) {
        int pair[2], images[2], r;

        played_caller = (Caller) { .guest = 7, .pid = 4712, .uid = 1000000 };
        played_identify_error = 0;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, images) < 0)
                return -errno;
        r = manager_new(event, ret);
        if (r >= 0)
                r = bus_server_new(event, "/org/lxd/instance1", NULL, &played_server);
        if (r >= 0)
                r = bus_server_add_interface(played_server, &played_guest);
        if (r >= 0)
                r = bus_server_add_interface(played_server, &played_instance);
        if (r >= 0)
                r = bus_server_add_interface(played_server, &played_store);
        if (r >= 0)
                r = operations_new(event, played_server, "/org/lxd/instance1", OPERATION_OWNER_INSTANCED, &played_operations);
        if (r >= 0)
                r = bus_server_add_connection(played_server, pair[1]);
        if (r >= 0)
                r = bus_peer_attach((*ret)->instanced, pair[0]);
        if (r >= 0)
                r = bus_server_add_connection(played_server, images[1]);
        if (r >= 0)
                r = bus_peer_attach((*ret)->imaged, images[0]);
        if (r < 0)
                return r;
        (*ret)->identify = played_identify;
        (*ret)->root_uid = played_root_uid;
        return 0;
}

static inline void played_close(Manager *m) {
        manager_free(m);
        played_operations = operations_free(played_operations);
        played_server = bus_server_free(played_server);
        config_done(&played_config);
}
