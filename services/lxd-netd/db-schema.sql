-- step 1
-- Networks. state: pending (being made), created, deleting. old_name is set while the bridge is being renamed.
CREATE TABLE networks (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        description TEXT NOT NULL,
        state TEXT NOT NULL,
        old_name TEXT,
        hwaddr TEXT NOT NULL
);
CREATE TABLE network_config (
        network INTEGER NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (network, key)
) WITHOUT ROWID;
-- Interfaces of guests. state: pending, attached, reserved (the guest is stopped; its DHCP reservation stays).
CREATE TABLE nics (
        id INTEGER PRIMARY KEY,
        guest INTEGER NOT NULL,
        device TEXT NOT NULL,
        state TEXT NOT NULL,
        project TEXT NOT NULL,
        instance TEXT NOT NULL,
        network TEXT NOT NULL,
        host_name TEXT NOT NULL,
        link TEXT NOT NULL,
        hwaddr TEXT NOT NULL,
        ipv4 TEXT NOT NULL,
        ipv6 TEXT NOT NULL,
        UNIQUE (guest, device)
);
CREATE TABLE nic_config (
        nic INTEGER NOT NULL REFERENCES nics (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (nic, key)
) WITHOUT ROWID;
CREATE INDEX nics_network ON nics (network);
-- Running guests: the id of their network namespace in ours.
CREATE TABLE guests (
        guest INTEGER PRIMARY KEY,
        nsid INTEGER NOT NULL
);
-- Namespace ids and interfaces do not survive the boot they were made in.
CREATE TABLE boot (id TEXT NOT NULL);
