-- Access: descriptions, an old secret that lives on for an overlap, a second factor, recovery codes, failed sign-ins.
-- Columns that the version before does not write may be NULL or have a default.

ALTER TABLE clients ADD COLUMN description TEXT;
ALTER TABLE clients ADD COLUMN old_secret_hash TEXT;
ALTER TABLE clients ADD COLUMN old_secret_until TIMESTAMPTZ;
ALTER TABLE clients ADD COLUMN updated_at TIMESTAMPTZ;

ALTER TABLE administrators ADD COLUMN totp TEXT;
ALTER TABLE administrators ADD COLUMN totp_confirmed BOOLEAN NOT NULL DEFAULT FALSE;
-- The last time step whose code was used: no code is good twice, on whichever server.
ALTER TABLE administrators ADD COLUMN totp_step BIGINT;
ALTER TABLE administrators ADD COLUMN updated_at TIMESTAMPTZ;
CREATE INDEX administrators_environment ON administrators (environment_id, id);

CREATE TABLE recovery_codes (
    administrator_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    PRIMARY KEY (administrator_id, hash)
);

-- Sign-ins that did not succeed (yet), by a digest of who and from where.
CREATE TABLE attempts (
    key TEXT NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX attempts_last ON attempts (last_at);
