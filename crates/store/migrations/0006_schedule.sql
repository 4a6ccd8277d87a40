-- What is remembered of watching the source of an inbound rule. anchored_at: when its initial full sync completed;
-- served_at: slots of its schedule up to then are served. A rule is named without a foreign key, like in the jobs.
CREATE TABLE watches (
    rule_id UUID NOT NULL PRIMARY KEY,
    anchored_at TIMESTAMPTZ,
    served_at TIMESTAMPTZ,
    slot_waits BOOLEAN NOT NULL,
    -- Where the remote system's log of events was read up to, in the connector's own words.
    log_position TEXT,
    log_read_at TIMESTAMPTZ,
    log_everything_at TIMESTAMPTZ,
    log_problem TEXT
);
