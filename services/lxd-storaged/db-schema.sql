-- SPDX-License-Identifier: Apache-2.0
-- The database of lxd-storaged: pools, volumes, snapshots, and who has a volume mounted.
-- state: 0 pending (being made), 1 created, 2 deleting, 3 changing (rename, restore, size). Rows that are not "created" when the
-- daemon starts were cut off: 0 and 2 are removed with what there is of them on the host, 3 is settled.
-- Ids are never used twice: they name temporary files.
-- step 1
CREATE TABLE pools (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        driver TEXT NOT NULL,
        description TEXT NOT NULL DEFAULT '',
        uuid TEXT NOT NULL,
        state INTEGER NOT NULL
);
CREATE TABLE pool_config (
        pool_id INTEGER NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (pool_id, key)
) WITHOUT ROWID;
CREATE TABLE volumes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        pool_id INTEGER NOT NULL REFERENCES pools (id),
        type TEXT NOT NULL,
        project TEXT NOT NULL,
        name TEXT NOT NULL,
        content_type TEXT NOT NULL,
        description TEXT NOT NULL DEFAULT '',
        quota INTEGER NOT NULL DEFAULT 0,  -- bytes, 0 = none
        created_at INTEGER NOT NULL,       -- µs since the epoch
        state INTEGER NOT NULL,
        rename_to TEXT,                    -- state 3: the name it is getting, or "pool/name" that it is being moved to
        UNIQUE (pool_id, type, project, name)
);
CREATE TABLE volume_config (
        volume_id INTEGER NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (volume_id, key)
) WITHOUT ROWID;
CREATE TABLE snapshots (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        volume_id INTEGER NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        description TEXT NOT NULL DEFAULT '',
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL DEFAULT 0,
        state INTEGER NOT NULL,
        rename_to TEXT,
        UNIQUE (volume_id, name)
);
CREATE TABLE snapshot_config (
        snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (snapshot_id, key)
) WITHOUT ROWID;
CREATE TABLE holders (
        volume_id INTEGER NOT NULL REFERENCES volumes (id) ON DELETE CASCADE,
        holder TEXT NOT NULL,
        boot_id TEXT NOT NULL,  -- mounts of an earlier boot are gone
        PRIMARY KEY (volume_id, holder)
) WITHOUT ROWID;
