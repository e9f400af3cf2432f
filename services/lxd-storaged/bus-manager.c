/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.storage1.Manager */
#include "base/clock.h"
#include "bus-interfaces.h"
#include "bus-request.h"
#include "pool.h"
#include "snapshot-duties.h"

static int method_list_pools(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(task_freep) Task *t = NULL;
        uint32_t recursion;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "u", &recursion);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = task_new(userdata, &pool_list_kind, &t);
        if (r < 0)
                return r;
        t->recursion = recursion;
        t->tolerant = true;
        return task_submit(TAKE_PTR(t), m);
}

static int method_create_pool(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *driver, *description;
        _cleanup_(task_freep) Task *t = NULL;
        int r;

        r = sd_bus_message_read(m, "sss", &name, &driver, &description);
        if (r >= 0)
                r = pool_check_new(name, driver, error);
        if (r >= 0)
                r = pool_task_new(userdata, &pool_create_kind, name, true, &t);
        if (r >= 0)
                r = str_replace(&t->pool.name, name);
        if (r >= 0)
                r = str_replace(&t->pool.driver, driver);
        if (r >= 0)
                r = str_replace(&t->pool.description, description);
        if (r >= 0)
                r = bus_read_config(m, &t->pool.config);
        if (r >= 0)
                r = request_read_tail(m, 0, t, error);
        return r < 0 ? r : task_submit(TAKE_PTR(t), m);
}

static bool driver_is_used(const PoolList *pools, const char *name) {
        for (size_t i = 0; i < pools->n; i++)
                if (streq(pools->items[i].driver, name))
                        return true;
        return false;
}

static int method_list_drivers(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(pool_list_done) PoolList pools = {};
        Manager *manager = userdata;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = db_pool_list(manager->db, &pools);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssbb)");
        for (const StorageDriver *const *d = driver_all(); r >= 0 && *d; d++)
                r = sd_bus_message_append(reply, "(ssbb)", (*d)->name, (*d)->version, (*d)->remote,
                                          driver_is_used(&pools, (*d)->name));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_expire_snapshots(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t flags;
        int r;

        r = bus_require_internal(m, error);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = snapshot_duties_run(userdata, now_realtime(), error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

const sd_bus_vtable bus_manager_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListPools", SD_BUS_ARGS("u", recursion, "t", flags), SD_BUS_RESULT("h", document),
                                method_list_pools, 0),
        SD_BUS_METHOD_WITH_ARGS("CreatePool",
                                SD_BUS_ARGS("s", name, "s", driver, "s", description, "a{ss}", config, "(sss)", requestor,
                                            "t", flags),
                                SD_BUS_NO_RESULT, method_create_pool, 0),
        SD_BUS_METHOD_WITH_ARGS("ListDrivers", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("a(ssbb)", drivers),
                                method_list_drivers, 0),
        SD_BUS_METHOD_WITH_ARGS("ExpireSnapshots", SD_BUS_ARGS("t", flags), SD_BUS_NO_RESULT, method_expire_snapshots, 0),
        SD_BUS_VTABLE_END,
};
