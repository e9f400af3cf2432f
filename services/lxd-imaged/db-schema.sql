-- SPDX-License-Identifier: Apache-2.0
-- The database of lxd-imaged: what the image store holds. Times are microseconds since the epoch, 0 = never.

-- step 1
-- state: 0 pending (files are being made), 1 created, 2 deleting (files and volumes are being removed)
CREATE TABLE images (
        id INTEGER PRIMARY KEY,
        project TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        state INTEGER NOT NULL,
        filename TEXT NOT NULL,
        size INTEGER NOT NULL,
        format TEXT NOT NULL,
        type TEXT NOT NULL,
        architecture TEXT NOT NULL,
        public INTEGER NOT NULL,
        auto_update INTEGER NOT NULL,
        cached INTEGER NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        uploaded INTEGER NOT NULL,
        last_used INTEGER NOT NULL,
        UNIQUE (project, fingerprint)
) STRICT;
CREATE INDEX images_fingerprint ON images (fingerprint);
CREATE TABLE images_properties (
        image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (image_id, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE images_profiles (
        image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (image_id, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE aliases (
        id INTEGER PRIMARY KEY,
        project TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        UNIQUE (project, name)
) STRICT;
CREATE INDEX aliases_image ON aliases (image_id);
