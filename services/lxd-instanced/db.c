/* SPDX-License-Identifier: Apache-2.0 */
/* All SQL of lxd-instanced: keys and devices of any owner, and loading. Rows of single nouns are in db-<noun>.c. */
#include "db-records.h"

#include "manager.h"

static const char *const config_delete[_DB_OWNER_MAX] = {
        [DB_PROFILE] = "DELETE FROM profiles_config WHERE profile_id = ?1",
        [DB_INSTANCE] = "DELETE FROM instances_config WHERE instance_id = ?1",
        [DB_SNAPSHOT] = "DELETE FROM snapshots_config WHERE snapshot_id = ?1",
};
static const char *const config_put[_DB_OWNER_MAX] = {
        [DB_PROFILE] = "INSERT OR REPLACE INTO profiles_config (profile_id, key, value) VALUES (?1, ?2, ?3)",
        [DB_INSTANCE] = "INSERT OR REPLACE INTO instances_config (instance_id, key, value) VALUES (?1, ?2, ?3)",
        [DB_SNAPSHOT] = "INSERT OR REPLACE INTO snapshots_config (snapshot_id, key, value) VALUES (?1, ?2, ?3)",
};
static const char *const config_remove[_DB_OWNER_MAX] = {
        [DB_PROFILE] = "DELETE FROM profiles_config WHERE profile_id = ?1 AND key = ?2",
        [DB_INSTANCE] = "DELETE FROM instances_config WHERE instance_id = ?1 AND key = ?2",
        [DB_SNAPSHOT] = "DELETE FROM snapshots_config WHERE snapshot_id = ?1 AND key = ?2",
};
static const char *const config_all[_DB_OWNER_MAX] = {
        [DB_PROFILE] = "SELECT profile_id, key, value FROM profiles_config ORDER BY profile_id, key",
        [DB_INSTANCE] = "SELECT instance_id, key, value FROM instances_config ORDER BY instance_id, key",
        [DB_SNAPSHOT] = "SELECT snapshot_id, key, value FROM snapshots_config ORDER BY snapshot_id, key",
};
static const char *const devices_delete[_DB_OWNER_MAX] = {
        [DB_PROFILE] = "DELETE FROM profiles_devices WHERE profile_id = ?1",
        [DB_INSTANCE] = "DELETE FROM instances_devices WHERE instance_id = ?1",
        [DB_SNAPSHOT] = "DELETE FROM snapshots_devices WHERE snapshot_id = ?1",
};
static const char *const devices_put[_DB_OWNER_MAX] = {
        [DB_PROFILE] = "INSERT INTO profiles_devices (profile_id, device, key, value) VALUES (?1, ?2, ?3, ?4)",
        [DB_INSTANCE] = "INSERT INTO instances_devices (instance_id, device, key, value) VALUES (?1, ?2, ?3, ?4)",
        [DB_SNAPSHOT] = "INSERT INTO snapshots_devices (snapshot_id, device, key, value) VALUES (?1, ?2, ?3, ?4)",
};
static const char *const devices_all[_DB_OWNER_MAX] = {
        [DB_PROFILE] = "SELECT profile_id, device, key, value FROM profiles_devices ORDER BY profile_id, device, key",
        [DB_INSTANCE] = "SELECT instance_id, device, key, value FROM instances_devices ORDER BY instance_id, device, key",
        [DB_SNAPSHOT] = "SELECT snapshot_id, device, key, value FROM snapshots_devices ORDER BY snapshot_id, device, key",
};

/* "Nothing to delete" is no error here. */
static int exec_any(Db *db, const char *sql, uint64_t id) {
        int r = db_exec(db, sql, "t", id);

        return r == -ENOENT ? 0 : r;
}

int db_config_replace(Db *db, DbOwner owner, uint64_t id, const Config *c) {
        int r;

        r = exec_any(db, config_delete[owner], id);
        if (r < 0)
                return r;
        CONFIG_FOREACH(i, c) {
                r = db_exec(db, config_put[owner], "tss", id, i->key, i->value);
                if (r < 0)
                        return r;
        }
        return 0;
}

int db_devices_replace(Db *db, DbOwner owner, uint64_t id, const Devices *d) {
        int r;

        r = exec_any(db, devices_delete[owner], id);
        if (r < 0)
                return r;
        DEVICES_FOREACH(i, d)
                CONFIG_FOREACH(k, &i->config) {
                        r = db_exec(db, devices_put[owner], "tsss", id, i->name, k->key, k->value);
                        if (r < 0)
                                return r;
                }
        return 0;
}

int db_config_set(Db *db, DbOwner owner, uint64_t id, const char *key, const char *value) {
        int r;

        if (value)
                return db_exec(db, config_put[owner], "tss", id, key, value);
        r = db_exec(db, config_remove[owner], "ts", id, key);
        return r == -ENOENT ? 0 : r;
}

/* Where rows of keys and devices go while loading. */
typedef struct Loader {
        Manager *manager;
        Snapshot **snapshots; /* all of them, by id */
        size_t n_snapshots;
} Loader;

static int compare_snapshot_id(const void *key, const void *item) {
        const Snapshot *s = *(Snapshot *const *) item;
        uint64_t id = *(const uint64_t *) key;

        return id < s->id ? -1 : id > s->id;
}

static bool loader_find(Loader *l, DbOwner owner, uint64_t id, Config **ret_config, Devices **ret_devices) {
        if (owner == DB_PROFILE) {
                for (size_t i = 0; i < l->manager->n_profiles; i++) {
                        Profile *p = l->manager->profiles[i];

                        if (p->id == id) {
                                *ret_config = &p->config;
                                *ret_devices = &p->devices;
                                return true;
                        }
                }
                return false;
        }

        Settings *s = NULL;
        if (owner == DB_INSTANCE) {
                Instance *i = instance_find_id(l->manager, id);

                s = i ? &i->settings : NULL;
        } else if (l->n_snapshots > 0) {
                Snapshot **found = bsearch(&id, l->snapshots, l->n_snapshots, sizeof(Snapshot *), compare_snapshot_id);

                s = found ? &(*found)->settings : NULL;
        }
        if (!s)
                return false;
        *ret_config = &s->config;
        *ret_devices = &s->devices;
        return true;
}

static int load_config(Loader *l, DbOwner owner) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        Config *config = NULL;
        Devices *devices = NULL;
        uint64_t last = 0;
        int r;

        r = db_get(l->manager->db, config_all[owner], &s);
        if (r < 0)
                return r;
        while ((r = db_next(s)) > 0) {
                uint64_t id = (uint64_t) db_int(s, 0);

                if (id != last && !loader_find(l, owner, id, &config, &devices))
                        continue;
                last = id;
                r = config_set(config, db_text(s, 1), db_text(s, 2));
                if (r < 0)
                        return r;
        }
        return r;
}

static int device_put(Devices *devices, const char *name, const char *key, const char *value) {
        Config *c = (Config *) devices_get(devices, name);
        int r;

        if (!c) {
                r = devices_set(devices, name, &(const Config) {});
                if (r < 0)
                        return r;
                c = (Config *) devices_get(devices, name);
        }
        return config_set(c, key, value);
}

static int load_devices(Loader *l, DbOwner owner) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        Config *config;
        Devices *devices;
        int r;

        r = db_get(l->manager->db, devices_all[owner], &s);
        if (r < 0)
                return r;
        while ((r = db_next(s)) > 0) {
                if (!loader_find(l, owner, (uint64_t) db_int(s, 0), &config, &devices))
                        continue;
                r = device_put(devices, db_text(s, 1), db_text(s, 2), db_text(s, 3));
                if (r < 0)
                        return r;
        }
        return r;
}

int db_load(Manager *m) {
        _cleanup_free_ Snapshot **snapshots = NULL;
        Loader l = { .manager = m };
        int r;

        r = db_load_profiles(m);
        if (r >= 0)
                r = db_load_instances(m);
        if (r >= 0)
                r = db_load_snapshots(m, &snapshots, &l.n_snapshots);
        l.snapshots = snapshots;

        for (DbOwner o = 0; o < _DB_OWNER_MAX && r >= 0; o++) {
                r = load_config(&l, o);
                if (r >= 0)
                        r = load_devices(&l, o);
        }
        return r;
}
