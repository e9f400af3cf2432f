/* SPDX-License-Identifier: Apache-2.0 */
/* The state of lxd-storaged, its objects on the bus, and cleaning up at the start. */
#include "manager.h"

#include <sys/stat.h>

#include "base/file.h"
#include "bus-interfaces.h"
#include "log.h"
#include "move.h"
#include "pool.h"
#include "snapshot-duties.h"
#include "snapshot.h"

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        while (m->tasks) {
                Task *t = m->tasks;

                m->tasks = t->next;
                task_free(t);
        }
        worker_free(m->waiting);
        bus_peer_free(m->images);
        bus_peer_free(m->instances);
        db_close(m->db);
        strv_free(m->labels);
        free(m->state_dir);
        free(m);
        return NULL;
}

int manager_new(Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(Manager));
        _cleanup_free_ char *path = NULL;
        int r;

        if (!m)
                return log_oom();
        r = str_replace(&m->state_dir, secure_getenv("LXD_DIR") ?: LXD_STATE_DIR);
        if (r >= 0)
                r = str_format(&path, "%s/database", m->state_dir);
        if (r >= 0)
                r = mkdir_parents(path, 0711);
        if (r < 0)
                return log_error_errno(r, "Failed to create \"%s\": %m", strempty(path));
        free(TAKE_PTR(path));
        r = str_format(&path, "%s/database/storage.db", m->state_dir);
        if (r >= 0)
                r = storage_db_open(path, &m->db);
        if (r < 0)
                return log_error_errno(r, "Failed to open the database \"%s\": %m", strempty(path));
        *ret = TAKE_PTR(m);
        return 0;
}

bool manager_is_idle(void *userdata) {
        Manager *m = userdata;

        return !m->tasks;
}

/* ---- what an earlier process left unfinished ---- */

int manager_recover_pool(Manager *m, Pool *p) {
        Task *t;
        int r;

        r = pool_task_new(m, &pool_recover_kind, p->name, true, &t);
        if (r < 0)
                return r;
        t->pool = *p;
        *p = (Pool) {};
        (void) task_submit(t, NULL);
        return 0;
}

static int recover_pools(Manager *m) {
        _cleanup_(pool_list_done) PoolList pools = {};
        int r;

        r = db_pool_list(m->db, &pools);
        for (size_t i = 0; r >= 0 && i < pools.n; i++)
                if (!row_is_visible(pools.items[i].state))
                        r = manager_recover_pool(m, pools.items + i);
        return r;
}

int manager_recover_volume(Manager *m, Volume *v) {
        _cleanup_free_ char *other_pool = NULL, *other_name = NULL;
        _cleanup_(pool_done) Pool p = {};
        const TaskKind *kind;
        Task *t;
        int r;

        r = db_pool_get_by_id(m->db, v->pool_id, &p);
        if (r < 0 || !row_is_visible(p.state))
                return r; /* goes with its pool */
        r = move_target(v, &other_pool, &other_name);
        if (r < 0)
                return r;
        kind = v->state != ROW_CHANGING ? &volume_recover_remove_kind
             : other_pool               ? &volume_recover_move_kind
             : v->rename_to             ? &volume_recover_rename_kind
                                        : &volume_recover_settle_kind;
        r = volume_task_new(m, kind, p.name, v->type, v->project, v->name, &t);
        if (r < 0)
                return r;
        if (v->rename_to)
                r = task_lock_volume(t, true, other_pool ?: p.name, v->type, v->project, other_name ?: v->rename_to);
        if (r >= 0 && streq(v->type, VOLUME_IMAGE))
                r = task_lock(t, true, "image %s", v->name);
        volume_done(&t->volume);
        t->volume = *v;
        *v = (Volume) {};
        (void) task_submit(t, NULL);
        return r;
}

int manager_recover_snapshot(Manager *m, Snapshot *s) {
        _cleanup_(volume_done) Volume v = {};
        _cleanup_(pool_done) Pool p = {};
        Task *t;
        int r;

        r = db_volume_get_by_id(m->db, s->volume_id, &v);
        if (r >= 0)
                r = db_pool_get_by_id(m->db, v.pool_id, &p);
        if (r >= 0)
                r = volume_task_new(m, s->state == ROW_CHANGING ? &snapshot_recover_rename_kind : &snapshot_recover_remove_kind,
                                    p.name, v.type, v.project, v.name, &t);
        if (r < 0)
                return r;
        t->snapshot = *s;
        *s = (Snapshot) {};
        (void) task_submit(t, NULL);
        return 0;
}

/* The tasks stand before all requests in the queue, with the locks that keep those waiting. */
static int recover(Manager *m) {
        _cleanup_(volume_list_done) VolumeList volumes = {};
        _cleanup_(snapshot_list_done) SnapshotList snapshots = {};
        int r;

        r = db_volume_list_unfinished(m->db, &volumes);
        if (r >= 0)
                r = db_snapshot_list_unfinished(m->db, &snapshots);
        if (r >= 0)
                r = recover_pools(m);
        for (size_t i = 0; r >= 0 && i < volumes.n; i++)
                r = manager_recover_volume(m, &volumes.items[i]);
        for (size_t i = 0; r >= 0 && i < snapshots.n; i++)
                r = manager_recover_snapshot(m, &snapshots.items[i]);
        return r;
}

int manager_load(Manager *m, Daemon *daemon) {
        int r;

        m->daemon = daemon;
        r = bus_peer_new(daemon_event(daemon), "imaged", &m->images);
        if (r >= 0)
                r = bus_peer_new(daemon_event(daemon), "instanced", &m->instances);
        if (r >= 0)
                r = recover(m);
        if (r < 0)
                return log_error_errno(r, "Failed to load: %m");
        snapshot_duties_update(m);
        return 0;
}

/* ---- objects ---- */

static int find_labels(Manager *m, const char *path, const char *prefix, size_t n, void **ret) {
        _cleanup_strv_free_ Strv labels = NULL;
        int r;

        r = bus_path_decode(path, prefix, n, &labels);
        if (r <= 0)
                return r;
        strv_free(m->labels);
        m->labels = TAKE_PTR(labels);
        *ret = m;
        return 1;
}

int manager_find_pool(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                      sd_bus_error *error) {
        return find_labels(userdata, path, PATH_POOL, 1, ret);
}

int manager_find_volume(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                        sd_bus_error *error) {
        return find_labels(userdata, path, PATH_VOLUME, 4, ret);
}

int manager_find_snapshot(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                          sd_bus_error *error) {
        return find_labels(userdata, path, PATH_SNAPSHOT, 5, ret);
}

static int add_path(Strv *paths, char *path) {
        int r;

        r = strv_extend(paths, path);
        free(path);
        return r;
}

static int enumerate_pools(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        _cleanup_(pool_list_done) PoolList pools = {};
        _cleanup_strv_free_ Strv paths = NULL;
        Manager *m = userdata;
        char *path;
        int r;

        r = db_pool_list(m->db, &pools);
        for (size_t i = 0; r >= 0 && i < pools.n; i++) {
                if (!row_is_visible(pools.items[i].state))
                        continue;
                r = bus_path_encode(&path, PATH_POOL, pools.items[i].name, NULL);
                if (r >= 0)
                        r = add_path(&paths, path);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(paths);
        return 0;
}

/* Paths of a volume, or of its snapshots. */
static int add_volume_paths(Manager *m, const Pool *p, const Volume *v, bool snapshots, Strv *paths) {
        _cleanup_(snapshot_list_done) SnapshotList list = {};
        char *path;
        int r;

        if (!snapshots) {
                r = bus_path_encode(&path, PATH_VOLUME, p->name, v->type, v->project, v->name, NULL);
                return r < 0 ? r : add_path(paths, path);
        }
        r = db_snapshot_list(m->db, v->id, &list);
        for (size_t i = 0; r >= 0 && i < list.n; i++) {
                if (!row_is_visible(list.items[i].state))
                        continue;
                r = bus_path_encode(&path, PATH_SNAPSHOT, p->name, v->type, v->project, v->name, list.items[i].name, NULL);
                if (r >= 0)
                        r = add_path(paths, path);
        }
        return r;
}

static int enumerate_below_pools(Manager *m, bool snapshots, char ***ret) {
        _cleanup_(pool_list_done) PoolList pools = {};
        _cleanup_strv_free_ Strv paths = NULL;
        int r;

        r = db_pool_list(m->db, &pools);
        for (size_t i = 0; r >= 0 && i < pools.n; i++) {
                _cleanup_(volume_list_done) VolumeList volumes = {};

                r = db_volume_list(m->db, pools.items[i].id, NULL, NULL, &volumes);
                for (size_t k = 0; r >= 0 && k < volumes.n; k++)
                        if (row_is_visible(volumes.items[k].state))
                                r = add_volume_paths(m, &pools.items[i], &volumes.items[k], snapshots, &paths);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(paths);
        return 0;
}

static int enumerate_volumes(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        return enumerate_below_pools(userdata, false, ret);
}

static int enumerate_snapshots(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        return enumerate_below_pools(userdata, true, ret);
}

const BusInterface manager_interfaces[] = {
        { STORAGE_ROOT, INTERFACE_MANAGER, bus_manager_vtable, NULL, NULL },
        { STORAGE_ROOT, INTERFACE_GUESTS, bus_guests_vtable, NULL, NULL },
        { PATH_POOL, INTERFACE_POOL, bus_pool_vtable, manager_find_pool, NULL },
        { PATH_VOLUME, INTERFACE_VOLUME, bus_volume_vtable, manager_find_volume, NULL },
        { PATH_SNAPSHOT, INTERFACE_SNAPSHOT, bus_snapshot_vtable, manager_find_snapshot, NULL },
        {},
};

const struct BusEnumerator manager_enumerators[] = {
        { PATH_POOL, enumerate_pools },
        { PATH_VOLUME, enumerate_volumes },
        { PATH_SNAPSHOT, enumerate_snapshots },
        {},
};
