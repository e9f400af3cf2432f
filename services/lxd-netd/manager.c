/* SPDX-License-Identifier: Apache-2.0 */
/* Everything lxd-netd holds. */
#include "manager.h"

#include "base/file.h"
#include "job.h"
#include "log.h"
#include "network.h"
#include "nic.h"
#include "ruleset.h"

DB_SCHEMA(netd_schema, "db-schema.sql");

int manager_new(sd_event *event, const char *database, const char *run_dir, const char *state_dir, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        m = calloc(1, sizeof(Manager));
        if (!m)
                return log_oom();
        *m = (Manager) { .event = sd_event_ref(event), .rtnl.fd = -EBADF };
        r = str_replace(&m->run_dir, run_dir);
        if (r >= 0)
                r = str_replace(&m->state_dir, state_dir);
        if (r >= 0)
                r = mkdir_parents(run_dir, 0755);
        if (r >= 0)
                r = mkdir_parents(state_dir, 0711);
        if (r < 0)
                return log_error_errno(r, "Failed to make the directories: %m");
        r = netlink_open(NETLINK_ROUTE, &m->rtnl);
        if (r < 0)
                return log_error_errno(r, "Failed to open netlink: %m");
        r = db_open(database, netd_schema, &m->db);
        if (r < 0)
                return log_error_errno(r, "Failed to open the database %s: %m", database);
        r = bus_peer_new(event, "instanced", &m->instanced);
        if (r >= 0)
                r = ruleset_new(m, &m->ruleset);
        if (r < 0)
                return log_error_errno(r, "Failed to set up: %m");
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        sd_event_source_disable_unref(m->next_job);
        while (m->jobs) {
                Job *j = m->jobs;

                m->jobs = j->after;
                job_free(j);
        }
        ruleset_free(m->ruleset);
        bus_peer_free(m->instanced);
        units_free(m->units);
        db_close(m->db);
        netlink_close(&m->rtnl);
        sd_event_unref(m->event);
        free(m->run_dir);
        free(m->state_dir);
        free(m);
        return NULL;
}

int manager_start(Manager *m, const char *boot_id) {
        int r;

        r = db_check_boot(m->db, boot_id);
        m->first_start = r > 0;
        if (r >= 0)
                r = nic_start_all(m);
        if (r >= 0)
                r = network_start_all(m);
        return r < 0 ? log_error_errno(r, "Failed to start the networks: %m") : 0;
}

bool manager_is_idle(void *userdata) {
        Manager *m = userdata;

        return !m->jobs && m->pending == 0 && !ruleset_is_busy(m->ruleset) && bus_peer_pending(m->instanced) == 0;
}
