-- Subscriptions: audit events that are delivered to webhooks. The right to deliver is a row of jobs (kind subscription,
-- the subscription's id), whose due_at is when the next attempt may be made.

CREATE TABLE subscriptions (
    id UUID NOT NULL PRIMARY KEY,
    environment_id UUID NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- {"endpoint": …, "filter": …, "previousUntil": …}
    settings TEXT NOT NULL,
    -- {"headers/NAME" | "signing" | "previous": sealed}
    secrets TEXT NOT NULL,
    starts_after BIGINT NOT NULL,
    not_before TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX subscriptions_environment ON subscriptions (environment_id, id);

-- What is remembered of their deliveries; changes without the subscription's version.
CREATE TABLE deliveries (
    subscription_id UUID NOT NULL PRIMARY KEY REFERENCES subscriptions (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    body TEXT NOT NULL
);
