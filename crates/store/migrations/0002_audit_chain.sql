-- Audit events as a chain for each environment: each row's hash covers all of its columns and the hash before it
-- (domain::directory::audit::chain). Without foreign keys: what was told of an environment outlives it.
--   * recorded_at is in milliseconds since the epoch, so that there is one way only to write an instant;
--   * personal holds names, sentences and values with a salt, or, once redacted, the commitment to them;
--   * subject_… is whatever the event is about: a filter and a redaction find it by these.

-- Events from before the chain. They are chained once, when this version first opens the database; the table stays
-- empty from then on.
DROP INDEX events_id;
ALTER TABLE events RENAME TO older_events;
DROP TABLE event_heads;

CREATE TABLE events (
    environment_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    id UUID NOT NULL,
    recorded_at BIGINT NOT NULL,
    action TEXT NOT NULL,
    correlation_id TEXT,
    actor_id UUID,
    subject_1 UUID,
    subject_2 UUID,
    subject_3 UUID,
    body TEXT NOT NULL,
    personal TEXT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (environment_id, seq)
);
CREATE UNIQUE INDEX events_id ON events (id);
CREATE INDEX events_recorded ON events (environment_id, recorded_at, seq);
CREATE INDEX events_action ON events (environment_id, action, recorded_at, seq);
CREATE INDEX events_subject_1 ON events (environment_id, subject_1, recorded_at, seq) WHERE subject_1 IS NOT NULL;
CREATE INDEX events_subject_2 ON events (environment_id, subject_2, recorded_at, seq) WHERE subject_2 IS NOT NULL;
CREATE INDEX events_subject_3 ON events (environment_id, subject_3, recorded_at, seq) WHERE subject_3 IS NOT NULL;
CREATE INDEX events_correlation ON events (environment_id, correlation_id, recorded_at, seq)
    WHERE correlation_id IS NOT NULL;

-- The end of each chain, signed with a key that is not in the database, anew with each commit.
CREATE TABLE event_heads (
    environment_id UUID NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    signature TEXT NOT NULL
);

-- What the end was at every thousandth event.
CREATE TABLE event_checkpoints (
    environment_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (environment_id, seq)
);

-- The environments that have a chain, signed: so that a whole chain cannot go unnoticed. One row.
CREATE TABLE event_roll (
    id BIGINT NOT NULL PRIMARY KEY,
    environments TEXT NOT NULL,
    signature TEXT NOT NULL
);
