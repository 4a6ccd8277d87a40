-- Sessions of the console. The key is the digest of the secret that the browser holds.

CREATE TABLE sessions (
    digest TEXT NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    administrator_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    signed_in BOOLEAN NOT NULL,
    agent TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX sessions_administrator ON sessions (administrator_id, created_at);
CREATE INDEX sessions_seen ON sessions (seen_at);
