-- Where administrators signed in before: `device/…` is the digest of a secret that a browser holds, `from/…` that of an
-- address. An attempt from there is counted apart from guesses that come from elsewhere.

CREATE TABLE known_places (
    administrator_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    place TEXT NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (administrator_id, place)
);
CREATE INDEX known_places_seen ON known_places (seen_at);

-- Access tokens name the generation that they were given in; only those of the present one are good.
ALTER TABLE clients ADD COLUMN token_generation BIGINT NOT NULL DEFAULT 0;
