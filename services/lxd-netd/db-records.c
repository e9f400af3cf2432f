/* SPDX-License-Identifier: Apache-2.0 */
/* The records of lxd-netd. */
#include "db-records.h"

void network_done(Network *n) {
        free(n->name);
        free(n->description);
        free(n->state);
        free(n->old_name);
        free(n->hwaddr);
        config_done(&n->config);
        *n = (Network) {};
}

int network_copy(const Network *n, Network *ret) {
        _cleanup_(network_done) Network copy = { .id = n->id };

        if (str_replace(&copy.name, n->name) < 0 || str_replace(&copy.description, n->description) < 0 ||
            str_replace(&copy.state, n->state) < 0 || str_replace(&copy.old_name, n->old_name) < 0 ||
            str_replace(&copy.hwaddr, n->hwaddr) < 0 || config_copy(&n->config, &copy.config) < 0)
                return -ENOMEM;
        *ret = copy;
        copy = (Network) {};
        return 0;
}

void network_list_done(NetworkList *l) {
        for (size_t i = 0; i < l->n; i++)
                network_done(l->items + i);
        free(l->items);
        *l = (NetworkList) {};
}

void nic_done(Nic *n) {
        free(n->device);
        free(n->state);
        free(n->project);
        free(n->instance);
        free(n->network);
        free(n->host_name);
        free(n->link);
        free(n->hwaddr);
        free(n->ipv4);
        free(n->ipv6);
        config_done(&n->config);
        *n = (Nic) {};
}

void nic_list_done(NicList *l) {
        for (size_t i = 0; i < l->n; i++)
                nic_done(l->items + i);
        free(l->items);
        *l = (NicList) {};
}

static int read_config(Db *db, const char *sql, int64_t id, Config *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(db, sql, &s, "i", id);
        return r < 0 ? r : db_read_config(s, ret);
}

static int write_config(Db *db, const char *sql, int64_t id, const Config *c) {
        CONFIG_FOREACH(i, c) {
                int r = db_exec(db, sql, "iss", id, i->key, i->value);

                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

/* Statements that may change no row. */
static int ignore_missing(int r) {
        return r == -ENOENT ? 0 : r;
}

#define NETWORK_COLUMNS "id, name, description, state, old_name, hwaddr"

static int network_read(sqlite3_stmt *s, Network *ret) {
        _cleanup_(network_done) Network n = { .id = db_int(s, 0) };
        int r = DB_TEXTS(s, 1, &n.name, &n.description, &n.state, &n.old_name, &n.hwaddr);

        if (r < 0)
                return r;
        *ret = n;
        n = (Network) {};
        return 0;
}

static int network_read_config(Db *db, Network *n) {
        return read_config(db, "SELECT key, value FROM network_config WHERE network = ?1", n->id, &n->config);
}

int db_network_load(Db *db, const char *name, Network *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        _cleanup_(network_done) Network n = {};
        int r;

        r = db_query_row(db, "SELECT " NETWORK_COLUMNS " FROM networks WHERE name = ?1", &s, "s", name);
        if (r >= 0)
                r = network_read(s, &n);
        if (r >= 0)
                r = network_read_config(db, &n);
        if (r < 0)
                return r;
        *ret = n;
        n = (Network) {};
        return 0;
}

int db_network_list(Db *db, NetworkList *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        _cleanup_(network_list_done) NetworkList list = {};
        int r;

        r = db_get(db, "SELECT " NETWORK_COLUMNS " FROM networks ORDER BY name", &s);
        while (r >= 0 && (r = db_next(s)) > 0) {
                if (!ARRAY_GROW(list.items, list.n))
                        return -ENOMEM;
                r = network_read(s, list.items + list.n);
                if (r >= 0)
                        list.n++;
        }
        for (size_t i = 0; r >= 0 && i < list.n; i++)
                r = network_read_config(db, list.items + i);
        if (r < 0)
                return r;
        *ret = list;
        list = (NetworkList) {};
        return 0;
}

static int network_write_config(Db *db, const Network *n) {
        int r;

        r = ignore_missing(db_exec(db, "DELETE FROM network_config WHERE network = ?1", "i", n->id));
        if (r < 0)
                return r;
        return write_config(db, "INSERT INTO network_config (network, key, value) VALUES (?1, ?2, ?3)", n->id, &n->config);
}

int db_network_insert(Db *db, Network *n) {
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r;

        r = db_begin(db);
        if (r < 0)
                return r;
        transaction = db;
        r = db_exec(db, "INSERT INTO networks (name, description, state, hwaddr) VALUES (?1, ?2, 'pending', ?3)", "sss", n->name,
                    n->description, n->hwaddr);
        if (r < 0)
                return r;
        n->id = db_last_id(db);
        r = network_write_config(db, n);
        return r < 0 ? r : db_commit(db);
}

int db_network_update(Db *db, const Network *n) {
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r;

        r = db_begin(db);
        if (r < 0)
                return r;
        transaction = db;
        r = db_exec(db, "UPDATE networks SET description = ?2, hwaddr = ?3 WHERE id = ?1", "iss", n->id, n->description, n->hwaddr);
        if (r < 0)
                return r;
        r = network_write_config(db, n);
        return r < 0 ? r : db_commit(db);
}

int db_network_set_state(Db *db, int64_t id, const char *state) {
        return db_exec(db, "UPDATE networks SET state = ?2 WHERE id = ?1", "is", id, state);
}

int db_network_rename_begin(Db *db, int64_t id, const char *old_name, const char *name) {
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r;

        r = db_begin(db);
        if (r < 0)
                return r;
        transaction = db;
        r = db_exec(db, "UPDATE networks SET name = ?3, old_name = ?2 WHERE id = ?1", "iss", id, old_name, name);
        if (r < 0)
                return r;
        r = ignore_missing(db_exec(db, "UPDATE nics SET network = ?2 WHERE network = ?1", "ss", old_name, name));
        return r < 0 ? r : db_commit(db);
}

int db_network_rename_end(Db *db, int64_t id) {
        return db_exec(db, "UPDATE networks SET old_name = NULL WHERE id = ?1", "i", id);
}

int db_network_delete(Db *db, int64_t id) {
        return ignore_missing(db_exec(db, "DELETE FROM networks WHERE id = ?1", "i", id));
}

#define NIC_COLUMNS "id, guest, device, state, project, instance, network, host_name, link, hwaddr, ipv4, ipv6"

static int nic_read(sqlite3_stmt *s, Nic *ret) {
        _cleanup_(nic_done) Nic n = { .id = db_int(s, 0), .guest = (uint64_t) db_int(s, 1) };
        int r = DB_TEXTS(s, 2, &n.device, &n.state, &n.project, &n.instance, &n.network, &n.host_name, &n.link, &n.hwaddr,
                         &n.ipv4, &n.ipv6);

        if (r < 0)
                return r;
        *ret = n;
        n = (Nic) {};
        return 0;
}

/* The rows of a prepared and bound statement, with their configuration. */
static int nic_collect(Db *db, sqlite3_stmt *s, NicList *ret) {
        _cleanup_(nic_list_done) NicList list = {};
        int r;

        while ((r = db_next(s)) > 0) {
                if (!ARRAY_GROW(list.items, list.n))
                        return -ENOMEM;
                r = nic_read(s, list.items + list.n);
                if (r < 0)
                        return r;
                list.n++;
        }
        for (size_t i = 0; r >= 0 && i < list.n; i++)
                r = read_config(db, "SELECT key, value FROM nic_config WHERE nic = ?1", list.items[i].id, &list.items[i].config);
        if (r < 0)
                return r;
        *ret = list;
        list = (NicList) {};
        return 0;
}

int db_nic_list(Db *db, NicList *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(db, "SELECT " NIC_COLUMNS " FROM nics ORDER BY guest, device", &s);
        return r < 0 ? r : nic_collect(db, s, ret);
}

int db_nic_list_guest(Db *db, uint64_t guest, NicList *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(db, "SELECT " NIC_COLUMNS " FROM nics WHERE guest = ?1 ORDER BY device", &s, "t", guest);
        return r < 0 ? r : nic_collect(db, s, ret);
}

int db_nic_list_network(Db *db, const char *network, NicList *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query(db, "SELECT " NIC_COLUMNS " FROM nics WHERE network = ?1 ORDER BY instance, device", &s, "s", network);
        return r < 0 ? r : nic_collect(db, s, ret);
}

int db_nic_load(Db *db, uint64_t guest, const char *device, Nic *ret) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        _cleanup_(nic_list_done) NicList list = {};
        int r;

        r = db_query(db, "SELECT " NIC_COLUMNS " FROM nics WHERE guest = ?1 AND device = ?2", &s, "ts", guest, device);
        if (r >= 0)
                r = nic_collect(db, s, &list);
        if (r < 0)
                return r;
        if (list.n == 0)
                return -ENOENT;
        *ret = list.items[0];
        list.items[0] = (Nic) {};
        return 0;
}

/* NICs and guests are those of running guests, or made anew for the next start: after a power failure nobody misses them. */
int db_nic_put(Db *db, const Nic *n) {
        DB_LAZY(db);
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r;

        r = db_begin(db);
        if (r < 0)
                return r;
        transaction = db;
        r = ignore_missing(db_exec(db, "DELETE FROM nics WHERE guest = ?1 AND device = ?2", "ts", n->guest, n->device));
        if (r >= 0)
                r = db_exec(db,
                            "INSERT INTO nics (guest, device, state, project, instance, network, host_name, link, hwaddr, ipv4, ipv6)"
                            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                            "tssssssssss", n->guest, n->device, n->state, n->project, n->instance, n->network, n->host_name, n->link,
                            n->hwaddr, n->ipv4, n->ipv6);
        if (r >= 0)
                r = write_config(db, "INSERT INTO nic_config (nic, key, value) VALUES (?1, ?2, ?3)", db_last_id(db), &n->config);
        return r < 0 ? r : db_commit(db);
}

int db_nic_set_state(Db *db, uint64_t guest, const char *device, const char *state) {
        DB_LAZY(db);

        return db_exec(db, "UPDATE nics SET state = ?3 WHERE guest = ?1 AND device = ?2", "tss", guest, device, state);
}

int db_nic_rename(Db *db, uint64_t guest, const char *instance) {
        return ignore_missing(db_exec(db, "UPDATE nics SET instance = ?2 WHERE guest = ?1", "ts", guest, instance));
}

int db_nic_delete(Db *db, uint64_t guest, const char *device) {
        DB_LAZY(db);

        return ignore_missing(db_exec(db, "DELETE FROM nics WHERE guest = ?1 AND device = ?2", "ts", guest, device));
}

int db_guest_put(Db *db, uint64_t guest, int nsid) {
        DB_LAZY(db);

        return db_exec(db, "INSERT OR REPLACE INTO guests (guest, nsid) VALUES (?1, ?2)", "ti", guest, (int64_t) nsid);
}

int db_guest_get(Db *db, uint64_t guest, int *ret_nsid) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_query_row(db, "SELECT nsid FROM guests WHERE guest = ?1", &s, "t", guest);
        if (r >= 0)
                *ret_nsid = (int) db_int(s, 0);
        return r;
}

int db_guest_delete(Db *db, uint64_t guest) {
        DB_LAZY(db);

        return ignore_missing(db_exec(db, "DELETE FROM guests WHERE guest = ?1", "t", guest));
}

static int boot_is_known(Db *db, const char *boot_id) {
        _cleanup_stmt_ sqlite3_stmt *s = NULL;
        int r;

        r = db_get(db, "SELECT id FROM boot", &s);
        if (r >= 0)
                r = db_next(s);
        return r <= 0 ? r : streq(db_text(s, 0), boot_id);
}

int db_check_boot(Db *db, const char *boot_id) {
        _cleanup_(db_rollbackp) Db *transaction = NULL;
        int r;

        r = boot_is_known(db, boot_id);
        if (r != 0)
                return r < 0 ? r : 0;
        r = db_begin(db);
        if (r < 0)
                return r;
        transaction = db;
        r = ignore_missing(db_exec(db, "DELETE FROM boot", ""));
        if (r >= 0)
                r = db_exec(db, "INSERT INTO boot (id) VALUES (?1)", "s", boot_id);
        if (r >= 0)
                r = ignore_missing(db_exec(db, "DELETE FROM guests", ""));
        if (r >= 0)
                r = ignore_missing(db_exec(db, "UPDATE nics SET state = 'reserved'", ""));
        if (r >= 0)
                r = db_commit(db);
        return r < 0 ? r : 1;
}
