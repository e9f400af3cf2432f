-- Server-wide records of one server: configuration, trusted certificates, projects, warnings.
-- step 1
CREATE TABLE config (
        key   TEXT PRIMARY KEY NOT NULL,
        value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE certificates (
        fingerprint TEXT PRIMARY KEY NOT NULL,
        name        TEXT NOT NULL,
        type        TEXT NOT NULL CHECK (type IN ('client', 'server', 'metrics')),
        certificate TEXT NOT NULL,
        restricted  INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE certificate_projects (
        fingerprint TEXT NOT NULL REFERENCES certificates (fingerprint) ON DELETE CASCADE,
        project     TEXT NOT NULL REFERENCES projects (name),
        PRIMARY KEY (fingerprint, project)
) WITHOUT ROWID;
CREATE TABLE projects (
        name        TEXT PRIMARY KEY NOT NULL,
        description TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE project_config (
        project TEXT NOT NULL REFERENCES projects (name) ON DELETE CASCADE,
        key     TEXT NOT NULL,
        value   TEXT NOT NULL,
        PRIMARY KEY (project, key)
) WITHOUT ROWID;
CREATE TABLE warnings (
        uuid         TEXT PRIMARY KEY NOT NULL,
        project      TEXT NOT NULL DEFAULT '',
        entity_url   TEXT NOT NULL DEFAULT '',
        type         TEXT NOT NULL,
        severity     TEXT NOT NULL,
        status       TEXT NOT NULL DEFAULT 'new',
        count        INTEGER NOT NULL DEFAULT 1,
        last_message TEXT NOT NULL DEFAULT '',
        first_seen   INTEGER NOT NULL,
        last_seen    INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO projects (name, description) VALUES ('default', 'Default LXD project');
INSERT INTO project_config (project, key, value) VALUES
        ('default', 'features.images', 'true'),
        ('default', 'features.networks', 'true'),
        ('default', 'features.profiles', 'true'),
        ('default', 'features.storage.volumes', 'true');
