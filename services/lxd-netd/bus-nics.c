/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.network1.Nics: interfaces of guests, for lxd-instanced. */
#include "bus-error.h"
#include "bus-interfaces.h"
#include "nic.h"

/* The name of a device is a label in files and messages. */
static int check_device(const char *device, bool may_be_empty, sd_bus_error *error) {
        if ((may_be_empty && isempty(device)) || (object_name_is_valid(device) && strlen(device) <= 64))
                return 0;
        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid device name \"%s\"", device);
}

/* A call that is answered when the filters are in force. */
typedef struct Call {
        Manager *manager;
        sd_bus_message *message;
        Nic nic; /* Attach: what is answered */
} Call;

static Call *call_free(Call *c) {
        if (!c)
                return NULL;
        sd_bus_message_unref(c->message);
        nic_done(&c->nic);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(Call, call_free)

static int call_new(Manager *manager, sd_bus_message *m, Call **ret) {
        Call *c = calloc(1, sizeof(Call));

        if (!c)
                return -ENOMEM;
        *c = (Call) { .manager = manager, .message = sd_bus_message_ref(m) };
        *ret = c;
        return 0;
}

static int reply_attached(Call *c) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(config_done) Config result = {};
        int r;

        r = nic_result(c->manager, &c->nic, &result);
        if (r == -ENODEV) /* it waited for its filters */
                return sd_bus_reply_method_errorf(c->message, LXD_ERROR_UNAVAILABLE, "Device \"%s\" of instance \"%s\" is gone again: it was detached meanwhile",
                                                  c->nic.device, c->nic.instance);
        if (r >= 0)
                r = sd_bus_message_new_method_return(c->message, &reply);
        if (r >= 0)
                r = bus_append_config(reply, &result);
        return r < 0 ? r : sd_bus_message_send(reply);
}

/* The end of each of these calls. */
static void on_done(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(call_freep) Call *c = userdata;

        c->manager->pending--;
        if (r < 0 && c->nic.device) { /* without its filters nothing is attached */
                (void) link_delete(&c->manager->rtnl, c->nic.host_name);
                (void) db_nic_delete(c->manager->db, c->nic.guest, c->nic.device);
        }
        if (r >= 0)
                r = c->nic.device ? reply_attached(c) : sd_bus_reply_method_return(c->message, NULL);
        if (r < 0) {
                if (e)
                        (void) sd_bus_error_copy(&error, e);
                (void) bus_error_ensure(&error, r);
                (void) sd_bus_reply_method_error(c->message, &error);
        }
}

static int method_validate(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *project, *instance, *device;
        _cleanup_(config_done) Config config = {};
        uint64_t flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "sss", &project, &instance, &device);
        if (r >= 0)
                r = bus_read_config(m, &config);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = check_device(device, false, error);
        if (r >= 0)
                r = nic_validate(userdata, project, instance, device, &config, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int read_attach(sd_bus_message *m, Nic *nic, uint64_t *ret_flags, sd_bus_error *error) {
        const char *project, *instance, *device;
        int r;

        r = sd_bus_message_read(m, "tsss", &nic->guest, &project, &instance, &device);
        if (r >= 0)
                r = bus_read_config(m, &nic->config);
        if (r >= 0)
                r = bus_read_flags(m, NIC_ATTACH_HERE, ret_flags, error);
        if (r >= 0)
                r = check_device(device, false, error);
        if (r >= 0 && !instance_name_is_valid(instance))
                r = bus_error_set(error, LXD_ERROR_INVALID, "Invalid instance name \"%s\"", instance);
        if (r >= 0)
                r = str_replace(&nic->project, project);
        if (r >= 0)
                r = str_replace(&nic->instance, instance);
        if (r >= 0)
                r = str_replace(&nic->device, device);
        return r;
}

static int method_attach(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(call_freep) Call *c = NULL;
        Manager *manager = userdata;
        uint64_t flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = call_new(manager, m, &c);
        if (r >= 0)
                r = read_attach(m, &c->nic, &flags, error);
        if (r < 0)
                return r;
        manager->pending++;
        r = nic_attach(manager, &c->nic, flags, on_done, c, error);
        if (r < 0) {
                manager->pending--;
                return r;
        }
        TAKE_PTR(c);
        return 1;
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(config_done) Config config = {};
        _cleanup_(call_freep) Call *c = NULL;
        Manager *manager = userdata;
        const char *device;
        uint64_t guest, flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "ts", &guest, &device);
        if (r >= 0)
                r = bus_read_config(m, &config);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = call_new(manager, m, &c);
        if (r < 0)
                return r;
        manager->pending++;
        r = nic_update(manager, guest, device, &config, on_done, c, error);
        if (r < 0) {
                manager->pending--;
                return r;
        }
        TAKE_PTR(c);
        return 1;
}

static int method_detach(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(call_freep) Call *c = NULL;
        Manager *manager = userdata;
        const char *device;
        uint64_t guest, flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "ts", &guest, &device);
        if (r >= 0)
                r = bus_read_flags(m, NIC_DETACH_FORGET | NIC_DETACH_DYING, &flags, error);
        if (r >= 0)
                r = check_device(device, true, error);
        if (r >= 0)
                r = call_new(manager, m, &c);
        if (r < 0)
                return r;
        manager->pending++;
        r = nic_detach(manager, guest, device, flags, on_done, c, error);
        if (r < 0) {
                manager->pending--;
                return r;
        }
        TAKE_PTR(c);
        return 1;
}

static int method_connect_guest(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t guest, flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "t", &guest);
        if (r >= 0)
                r = bus_read_fd(m, &fd);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        r = guest_register(userdata, guest, fd);
        if (r == -EINVAL)
                return bus_error_set(error, LXD_ERROR_INVALID, "The descriptor is no network namespace");
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to give the guest's network namespace an id");
        r = nic_connect_all(userdata, guest, fd, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_describe_guests(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_close_ int fd = -EBADF;
        const void *guests;
        size_t size;
        uint64_t flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read_array(m, 't', &guests, &size);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        fd = guest_describe(userdata, guests, size / sizeof(uint64_t));
        return fd < 0 ? fd : bus_reply_document(m, fd, NULL);
}

static int method_rename(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *instance;
        uint64_t guest, flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "ts", &guest, &instance);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0 && !instance_name_is_valid(instance))
                r = bus_error_set(error, LXD_ERROR_INVALID, "Invalid instance name \"%s\"", instance);
        if (r >= 0)
                r = nic_rename_guest(userdata, guest, instance);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

const sd_bus_vtable nics_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Validate",
                                SD_BUS_ARGS("s", project, "s", instance, "s", device, "a{ss}", config, "t", flags), SD_BUS_NO_RESULT,
                                method_validate, 0),
        SD_BUS_METHOD_WITH_ARGS("Attach",
                                SD_BUS_ARGS("t", id, "s", project, "s", instance, "s", device, "a{ss}", config, "t", flags),
                                SD_BUS_RESULT("a{ss}", interface), method_attach, 0),
        SD_BUS_METHOD_WITH_ARGS("Update", SD_BUS_ARGS("t", id, "s", device, "a{ss}", config, "t", flags), SD_BUS_NO_RESULT,
                                method_update, 0),
        SD_BUS_METHOD_WITH_ARGS("Detach", SD_BUS_ARGS("t", id, "s", device, "t", flags), SD_BUS_NO_RESULT, method_detach, 0),
        SD_BUS_METHOD_WITH_ARGS("ConnectGuest", SD_BUS_ARGS("t", id, "h", netns, "t", flags), SD_BUS_NO_RESULT,
                                method_connect_guest, 0),
        SD_BUS_METHOD_WITH_ARGS("DescribeGuests", SD_BUS_ARGS("at", ids, "t", flags), SD_BUS_RESULT("h", guests),
                                method_describe_guests, 0),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("t", id, "s", instance, "t", flags), SD_BUS_NO_RESULT, method_rename, 0),
        SD_BUS_VTABLE_END,
};
