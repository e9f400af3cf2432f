-- SPDX-License-Identifier: Apache-2.0
-- What lxd-instanced remembers. Each step runs once, in one transaction.
-- step 1
CREATE TABLE profiles (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        UNIQUE (project, name)
);
CREATE TABLE profiles_config (
        profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (profile_id, key)
) WITHOUT ROWID;
CREATE TABLE profiles_devices (
        profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
        device TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (profile_id, device, key)
) WITHOUT ROWID;
-- The id names the unit lxd-container@<id>.service, the idmap holder and the mounts: AUTOINCREMENT, so never used twice.
-- state: pending = being created, created, deleting = being deleted. intent: a rename or restore that has begun
-- ("rename:<new name>", "restore:<snapshot>", "move:<pool>/<name>": the volume that is not the record's), finished or undone at the next start.
CREATE TABLE instances (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project TEXT NOT NULL,
        name TEXT NOT NULL,
        type TEXT NOT NULL CHECK (type IN ('container', 'virtual-machine')),
        state TEXT NOT NULL CHECK (state IN ('pending', 'created', 'deleting')),
        intent TEXT NOT NULL DEFAULT '',
        pool TEXT NOT NULL,
        architecture TEXT NOT NULL,
        description TEXT NOT NULL,
        ephemeral INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        last_used_at INTEGER NOT NULL DEFAULT 0,
        UNIQUE (project, name)
);
CREATE TABLE instances_config (
        instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (instance_id, key)
) WITHOUT ROWID;
CREATE TABLE instances_devices (
        instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
        device TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (instance_id, device, key)
) WITHOUT ROWID;
-- No CASCADE from profiles: a profile in use cannot be deleted.
CREATE TABLE instances_profiles (
        instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        profile_id INTEGER NOT NULL REFERENCES profiles (id),
        PRIMARY KEY (instance_id, position)
) WITHOUT ROWID;
CREATE INDEX instances_profiles_profile ON instances_profiles (profile_id);
CREATE TABLE snapshots (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        instance_id INTEGER NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('pending', 'created', 'deleting')),
        intent TEXT NOT NULL DEFAULT '',
        architecture TEXT NOT NULL,
        description TEXT NOT NULL,
        ephemeral INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        UNIQUE (instance_id, name)
);
CREATE TABLE snapshots_config (
        snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (snapshot_id, key)
) WITHOUT ROWID;
CREATE TABLE snapshots_devices (
        snapshot_id INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
        device TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (snapshot_id, device, key)
) WITHOUT ROWID;
