-- What inbound rules remember.

-- The users whom a rule made, and for which account. has_left: the rule disabled them because their account is not of
-- the rule any more; its return enables them again. Like links without a foreign key: whoever is gone is told apart by it.
CREATE TABLE provisioned (
    rule_id UUID NOT NULL,
    user_id UUID NOT NULL,
    account TEXT NOT NULL,
    has_left BOOLEAN NOT NULL,
    PRIMARY KEY (rule_id, user_id)
);
CREATE INDEX provisioned_account ON provisioned (rule_id, account);

-- Accounts that an outbound rule made, and that stayed when their user was forgotten: no reason to make a user.
CREATE TABLE left_behind (
    connection_id UUID NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    account TEXT NOT NULL,
    PRIMARY KEY (connection_id, account)
);

-- subject_kind 3 is an account of an inbound rule: its id stands here, and subject_id is derived from it.
ALTER TABLE dues ADD COLUMN account TEXT;
