/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers share. */
#include "bus-request.h"

#include "bus-error.h"

int request_read_tail(sd_bus_message *m, uint64_t known, Task *t, sd_bus_error *error) {
        int r;

        r = bus_read_requestor(m, &t->who);
        return r < 0 ? r : bus_read_flags(m, known, &t->flags, error);
}

int request_read_text(sd_bus_message *m, char **ret) {
        const char *text;
        int r;

        r = sd_bus_message_read(m, "s", &text);
        return r < 0 ? r : str_replace(ret, text);
}

int request_submit_operation(Task *t, sd_bus_message *m, const char *description, const char *kind, const char *url,
                             sd_bus_error *error) {
        Operation *operation;
        int r;

        r = operation_new(daemon_operations(t->manager->daemon), "task", description, t->volume.project, &t->who,
                          &operation, error);
        if (r >= 0 && url)
                r = operation_add_resource(operation, kind, url);
        if (r < 0) {
                task_free(t);
                return r;
        }
        return task_submit_operation(t, m, operation, error);
}
