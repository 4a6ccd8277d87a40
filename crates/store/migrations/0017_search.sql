-- What a person is found by when someone types a few letters: username, e-mail and name, folded as the …_key columns
-- are. Rows of before are folded as far as the database can; the next change of a user folds them properly.

ALTER TABLE users ADD COLUMN search_key TEXT;
UPDATE users SET search_key = lower(username_key || ' ' || email_key || ' ' || name);
-- Also serves paging, for which there was users_page.
CREATE INDEX users_search ON users (environment_id, id, search_key);
DROP INDEX users_page;
