-- When the lease was given or last renewed, by the database's own clock, as leased_until is from now on. One that was given in
-- the future was given before that clock was set back; one that is old was not renewed.
ALTER TABLE jobs ADD COLUMN leased_at TIMESTAMPTZ;

-- The time that a server saw last, so that one that starts notices that the clock was ahead before. One row.
CREATE TABLE clock (
    id BIGINT NOT NULL PRIMARY KEY,
    seen_at TIMESTAMPTZ NOT NULL
);

-- The last full runs of a rule by when they started: ids do not tell, once a clock was set back.
CREATE INDEX runs_full_started ON runs (rule_id, started_at, id) WHERE is_full;
DROP INDEX runs_full;
