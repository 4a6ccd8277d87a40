-- One text for SQLite and PostgreSQL. What both must understand alike:
--   * times are bound, never taken from the database's clock;
--   * JSON is kept as TEXT, so that it comes back letter by letter (JSONB rewrites numbers, and a SQLite column
--     of type JSON turns a bare number into one);
--   * whatever is unique without regard to case has a column …_key with the folded text, made in Rust, because
--     the databases fold only ASCII or by locale;
--   * a NULL is never part of a unique key: the nil UUID stands in for it.

CREATE TABLE environments (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE populations (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT,
    is_default BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX populations_name ON populations (environment_id, name_key);
CREATE UNIQUE INDEX populations_default ON populations (environment_id) WHERE is_default;

CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    population_id UUID NOT NULL REFERENCES populations (id),
    username TEXT NOT NULL,
    username_key TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    external_id TEXT,
    attributes TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_username ON users (environment_id, username_key);
CREATE INDEX users_page ON users (environment_id, id);
CREATE INDEX users_email ON users (environment_id, email_key);
CREATE INDEX users_external_id ON users (environment_id, external_id);
CREATE INDEX users_population ON users (population_id, id);

CREATE TABLE groups (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    population_id UUID REFERENCES populations (id),
    -- The population, or the nil UUID.
    population_key UUID NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT,
    external_id TEXT,
    -- {"value": …}, because clients may keep any JSON.
    custom_data TEXT,
    user_filter TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX groups_name ON groups (environment_id, population_key, name_key);
CREATE INDEX groups_population ON groups (population_id);

CREATE TABLE memberships (
    group_id UUID NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id, group_id);

CREATE TABLE nestings (
    child_id UUID NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    parent_id UUID NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (parent_id, child_id)
);
CREATE INDEX nestings_child ON nestings (child_id);

CREATE TABLE plans (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX plans_environment ON plans (environment_id);

CREATE TABLE connections (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    active BOOLEAN NOT NULL,
    managed BOOLEAN NOT NULL,
    configuration TEXT NOT NULL,
    -- {"KEY": sealed}
    secrets TEXT NOT NULL,
    health TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX connections_environment ON connections (environment_id, id);

CREATE TABLE rules (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    plan_id UUID NOT NULL REFERENCES plans (id),
    name TEXT NOT NULL,
    description TEXT,
    source_id UUID NOT NULL REFERENCES connections (id),
    target_id UUID NOT NULL REFERENCES connections (id),
    direction TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    user_filter TEXT,
    -- {"groups": [id, …]}; a group may be deleted while the rule still names it.
    rule_groups TEXT NOT NULL,
    configuration TEXT NOT NULL,
    retiring TEXT,
    consent TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX rules_environment ON rules (environment_id, id);
CREATE INDEX rules_plan ON rules (plan_id);
CREATE INDEX rules_source ON rules (source_id);
CREATE INDEX rules_target ON rules (target_id);

CREATE TABLE mappings (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    rule_id UUID NOT NULL REFERENCES rules (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX mappings_rule ON mappings (rule_id, id);

CREATE TABLE revisions (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    previous_id UUID,
    snapshot TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX revisions_environment ON revisions (environment_id, created_at, id);

CREATE TABLE clients (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    -- {"roles": [name, …]}
    roles TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX clients_environment ON clients (environment_id, id);

CREATE TABLE administrators (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    roles TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
-- Across environments: an administrator signs in before it is known where they belong.
CREATE UNIQUE INDEX administrators_username ON administrators (username_key);

CREATE TABLE signing_keys (
    id UUID NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

-- The memory of syncs. Users, groups and rules are named without a foreign key: whoever is gone from the directory
-- is deprovisioned by what stands here.

CREATE TABLE account_links (
    connection_id UUID NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    account TEXT NOT NULL,
    rule_id UUID NOT NULL,
    origin TEXT NOT NULL,
    suspended_by_us BOOLEAN NOT NULL,
    remove_at TIMESTAMPTZ,
    PRIMARY KEY (connection_id, user_id)
);
CREATE UNIQUE INDEX account_links_account ON account_links (connection_id, account);
CREATE INDEX account_links_user ON account_links (user_id);
CREATE INDEX account_links_rule ON account_links (rule_id);

CREATE TABLE group_links (
    connection_id UUID NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    group_id UUID NOT NULL,
    remote TEXT NOT NULL,
    rule_id UUID NOT NULL,
    origin TEXT NOT NULL,
    PRIMARY KEY (connection_id, group_id)
);
CREATE UNIQUE INDEX group_links_remote ON group_links (connection_id, remote);
CREATE INDEX group_links_rule ON group_links (rule_id);

CREATE TABLE placements (
    connection_id UUID NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    user_id UUID NOT NULL,
    group_id UUID NOT NULL,
    PRIMARY KEY (connection_id, user_id, group_id)
);
CREATE INDEX placements_group ON placements (connection_id, group_id);

-- subject_kind: 0 everything (of dues only), 1 user, 2 group; subject_id of everything is the nil UUID.
CREATE TABLE statuses (
    rule_id UUID NOT NULL,
    subject_kind BIGINT NOT NULL,
    subject_id UUID NOT NULL,
    standing TEXT NOT NULL,
    problem TEXT,
    looked_at TIMESTAMPTZ NOT NULL,
    attempts BIGINT NOT NULL,
    PRIMARY KEY (rule_id, subject_kind, subject_id)
);
CREATE INDEX statuses_subject ON statuses (subject_id);
CREATE INDEX statuses_standing ON statuses (rule_id, subject_kind, standing, subject_id);

-- Runs outlive their rule. The columns are what is asked for; the body is the whole.
CREATE TABLE runs (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    rule_id UUID NOT NULL,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    is_open BOOLEAN NOT NULL,
    is_full BOOLEAN NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    body TEXT NOT NULL
);
CREATE INDEX runs_rule ON runs (rule_id, id);
CREATE INDEX runs_open ON runs (rule_id) WHERE is_open;

-- removal: users, memberships or groups, when the operation removed one of these successfully.
CREATE TABLE run_operations (
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    removal TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
);
CREATE INDEX run_operations_removal ON run_operations (run_id, removal) WHERE removal IS NOT NULL;

-- One row for each piece of work that comes back; never deleted while its rule lives, because the epoch must only rise.
CREATE TABLE jobs (
    kind TEXT NOT NULL,
    key UUID NOT NULL,
    due_at TIMESTAMPTZ,
    owner TEXT,
    leased_until TIMESTAMPTZ,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX jobs_due ON jobs (kind, due_at);

CREATE TABLE dues (
    rule_id UUID NOT NULL,
    subject_kind BIGINT NOT NULL,
    subject_id UUID NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    mark BIGINT NOT NULL,
    PRIMARY KEY (rule_id, subject_kind, subject_id)
);
CREATE INDEX dues_due ON dues (rule_id, due_at);

-- Audit events: appended, never changed. A sequence for each environment, without gaps.
CREATE TABLE event_heads (
    environment_id UUID NOT NULL PRIMARY KEY REFERENCES environments (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL
);

CREATE TABLE events (
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    id UUID NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (environment_id, seq)
);
CREATE UNIQUE INDEX events_id ON events (id);
