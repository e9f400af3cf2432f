/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-instances start|stop|expire: what lxd-instances.service runs at boot and shutdown, and the timer; waits for the operation. */
#include <systemd/sd-bus.h>

#include "base/macro.h"
#include "bus-error.h"
#include "bus-peer.h"
#include "log.h"
#include "operation.h"

#define ROOT "/org/lxd/instance1"

typedef struct Wait {
        bool armed; /* the next record is the answer of Get */
        char *id;
        uint32_t status; /* 0 until the operation has ended */
        char *error;
} Wait;

static void wait_done(Wait *w) {
        free(w->id);
        free(w->error);
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        OperationRecord record = {};
        Wait *w = userdata;

        if (!w->armed)
                return 0;
        if (operation_record_read(m, &record) < 0)
                return 0;
        if (!w->id)
                w->id = TAKE_PTR(record.id);
        else if (!streq_ptr(record.id, w->id)) {
                operation_record_done(&record);
                return 0;
        }
        if (record.status >= OPERATION_SUCCESS) {
                w->status = record.status;
                (void) str_replace(&w->error, record.error);
        }
        operation_record_done(&record);
        return 0;
}

/* Learns the id; the operation may be over before its first signal could be matched to it. */
static int get(sd_bus *bus, const char *path, Wait *w) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_call_method(bus, NULL, path, LXD_BUS_PREFIX ".Operation1", "Get", &e, &reply, "t", (uint64_t) 0);
        if (r < 0)
                return r;
        w->armed = true;
        return on_changed(reply, w, NULL);
}

static int run(const char *verb) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(wait_done) Wait w = {};
        const char *path;
        int r;

        r = bus_open_private("instanced", &bus);
        if (r < 0)
                return log_error_errno(r, "Failed to reach lxd-instanced: %m");
        r = sd_bus_match_signal(bus, NULL, NULL, ROOT, LXD_BUS_PREFIX ".Operations1", "Changed", on_changed, &w);
        if (r >= 0)
                r = sd_bus_call_method(bus, NULL, ROOT, LXD_BUS_PREFIX ".Operations1", "Subscribe", &e, NULL, "t", (uint64_t) 0);
        if (r >= 0)
                r = !streq(verb, "stop") ? sd_bus_call_method(bus, NULL, ROOT, LXD_BUS_PREFIX ".instance1.Manager",
                                                              streq(verb, "start") ? "StartAutostart" : "ExpireSnapshots", &e, &reply, "t",
                                                              (uint64_t) 0)
                                         : sd_bus_call_method(bus, NULL, ROOT, LXD_BUS_PREFIX ".instance1.Manager", "StopAll", &e, &reply,
                                                              "(sss)t", "root", "systemd", "", (uint64_t) 0);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return log_error_errno(r, "Failed to %s the instances: %s", verb, e.message ?: strerror(-r));

        r = get(bus, path, &w);
        while (r >= 0 && w.status == 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        if (r < 0)
                return log_error_errno(r, "Lost lxd-instanced: %m");
        if (w.status == OPERATION_SUCCESS)
                return 0;
        log_error("Failed to %s the instances: %s", verb, strempty(w.error));
        return -EIO;
}

int main(int argc, char **argv) {
        log_set_identifier("lxd-instances");
        if (argc != 2 || (!streq(argv[1], "start") && !streq(argv[1], "stop") && !streq(argv[1], "expire"))) {
                fprintf(stderr, "usage: %s start|stop|expire\n", argv[0]);
                return EXIT_FAILURE;
        }
        /* Nothing was ever created: nobody need be woken. The unit is active all the same, because its stop counts. */
        if (access(LXD_STATE_DIR "/database/instanced.db", F_OK) < 0 && errno == ENOENT)
                return EXIT_SUCCESS;
        return run(argv[1]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
