-- What an environment has in place of the guard's own defaults: {"GUARD_MAX_REMOVALS": 20, …}, only what it has.
ALTER TABLE environments ADD COLUMN guard TEXT NOT NULL DEFAULT '{}';

-- The last time that each chain of the audit was checked from within: body says how it went. It is no proof, as whoever
-- can change the chain can change this; `usher audit verify` is.
CREATE TABLE audit_checks (
    environment_id UUID NOT NULL PRIMARY KEY REFERENCES environments (id) ON DELETE CASCADE,
    checked_at TIMESTAMPTZ NOT NULL,
    body TEXT NOT NULL
);

-- The last full runs of a rule, however many others came after: what they saw of a team's licences.
CREATE INDEX runs_full ON runs (rule_id, id) WHERE is_full;
