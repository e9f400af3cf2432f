/* SPDX-License-Identifier: Apache-2.0 */
/* What lxd-instanced knows: the tables of instances and profiles, the connections to the other daemons. */
#include "manager.h"

#include <sys/sysinfo.h>

#include "base/file.h"
#include "bus-error.h"
#include "db-records.h"
#include "guest.h"
#include "guest-files.h"
#include "guest-templates.h"
#include "log.h"
#include "move.h"
#include "remove.h"
#include "snapshot.h"

DB_SCHEMA(instanced_schema, "db-schema.sql");

int manager_new(Manager **ret) {
        Manager *m = calloc(1, sizeof(Manager));

        if (!m)
                return -ENOMEM;
        *m = (Manager) {
                .state_dir = LXD_STATE_DIR,
                .run_dir = LXD_RUN_DIR,
                .log_dir = "/var/log/lxd",
        };
        *ret = m;
        return 0;
}

static int set_up(Manager *m, sd_event *event) {
        _cleanup_free_ char *subuid = NULL, *subgid = NULL;
        struct sysinfo info;
        int r;

        m->event = sd_event_ref(event);
        r = bus_peer_new(event, "storaged", &m->storaged);
        if (r >= 0)
                r = bus_peer_new(event, "netd", &m->netd);
        if (r >= 0)
                r = bus_peer_new(event, "imaged", &m->imaged);
        if (r >= 0)
                r = guest_workers_new(event, &guest_files_workers, &m->file_workers);
        if (r >= 0)
                r = guest_workers_new(event, &guest_templates_workers, &m->template_workers);
        if (r < 0)
                return r;

        (void) file_read("/etc/subuid", 1024 * 1024, &subuid, NULL);
        (void) file_read("/etc/subgid", 1024 * 1024, &subgid, NULL);
        m->host_ids = idmap_host_range(subuid, subgid);
        if (sysinfo(&info) >= 0)
                m->host_memory = (uint64_t) info.totalram * info.mem_unit;
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;

        manager_detach(m);
        /* First whoever could call back into a job, then the jobs, then what they point to. */
        m->storaged = bus_peer_free(m->storaged);
        m->netd = bus_peer_free(m->netd);
        m->imaged = bus_peer_free(m->imaged);
        m->units = units_free(m->units);
        m->file_workers = guest_workers_free(m->file_workers);
        m->template_workers = guest_workers_free(m->template_workers);
        jobs_free_all(m);
        for (size_t k = 0; k < m->n_instances; k++)
                instance_free(m->instances[k]);
        for (size_t k = 0; k < m->n_profiles; k++)
                profile_free(m->profiles[k]);
        free(m->instances);
        free(m->by_id);
        free(m->profiles);
        db_close(m->db);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}

static int make_default_profile(Manager *m) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (profile_find(m, "default", "default"))
                return 0;
        r = profile_create(m, "default", "default", "Default LXD profile", &(const Config) {}, &(const Devices) {}, NULL, &error);
        if (r < 0)
                log_error("Failed to make the default profile: %s", strempty(error.message));
        return r;
}

int manager_load(Manager *m, sd_event *event, const char *db_path) {
        int r;

        r = set_up(m, event);
        if (r < 0)
                return log_error_errno(r, "Failed to set up: %m");
        r = db_open(db_path, instanced_schema, &m->db);
        if (r < 0)
                return log_error_errno(r, "Failed to open the database %s: %m", db_path);
        r = db_load(m);
        if (r < 0)
                return log_error_errno(r, "Failed to read the database %s: %m", db_path);
        r = make_default_profile(m);
        if (r < 0)
                return r;

        for (size_t k = 0; k < m->n_instances; k++)
                if (m->instances[k]->row == ROW_CREATED)
                        guest_discover(m->instances[k]);
        return 0;
}

void manager_attach(Manager *m, Daemon *d, BusServer *server, Operations *operations) {
        m->daemon = d;
        m->server = server;
        m->operations = operations;
        snapshots_find_duties(m);
        manager_recover(m);
}

void manager_detach(Manager *m) {
        m->daemon = NULL;
        m->server = NULL;
        m->operations = NULL;
}

static void recover_instance(Instance *i) {
        int r = 0;

        if (i->row != ROW_CREATED) {
                log_at(LOG_NOTICE, 0, (&(const LogFields) { .project = i->project, .instance = i->name, .message_id = LXD_MSG_LEFTOVER_REMOVED }),
                       "Removing instance %s, which was being %s when the daemon ended.", i->name, i->row == ROW_PENDING ? "created" : "deleted");
                i->leftover = true;
                r = instance_delete_quietly(i);
        } else
                guest_release_ended(i);
        if (i->row == ROW_CREATED && i->intent)
                r = startswith(i->intent, "rename:") ? instance_undo_rename(i)
                    : startswith(i->intent, "move:") ? instance_end_move(i)
                                                     : snapshot_redo_restore(i);

        for (size_t k = i->n_snapshots; i->row == ROW_CREATED && k > 0; k--) {
                int q = snapshot_recover(i->snapshots[k - 1]);

                if (q < 0)
                        r = q;
        }
        if (r < 0)
                log_at(LOG_WARNING, r, LOG_INSTANCE(i), "Failed to clean up instance %s: %m", i->name);
}

void manager_recover(Manager *m) {
        /* Jobs may end at once and change the table: work on a copy of the ids. */
        _cleanup_free_ uint64_t *ids = calloc(m->n_instances + 1, sizeof(uint64_t));
        size_t n = m->n_instances;

        if (!ids) {
                log_oom();
                return;
        }
        for (size_t k = 0; k < n; k++)
                ids[k] = m->by_id[k]->id;
        for (size_t k = 0; k < n; k++) {
                Instance *i = instance_find_id(m, ids[k]);

                if (i)
                        recover_instance(i);
        }
}

bool manager_is_idle(void *userdata) {
        Manager *m = userdata;

        return !m->jobs && guest_workers_pending(m->file_workers) == 0 && bus_peer_pending(m->storaged) == 0 && bus_peer_pending(m->netd) == 0 &&
               bus_peer_pending(m->imaged) == 0;
}

Units *manager_units(Manager *m, sd_bus_error *error) {
        int r;

        if (!m->units) {
                r = units_new(m->event, &m->units);
                if (r < 0) {
                        (void) bus_error_wrap(error, r, "Failed to reach the service manager");
                        return NULL;
                }
        }
        return m->units;
}
