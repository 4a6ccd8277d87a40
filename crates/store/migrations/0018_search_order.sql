-- A search by e-mail address or external id is answered in id order. With the id in the index that is what both databases
-- choose for it; without, SQLite preferred to walk through all users, who are in that order already.

DROP INDEX users_email;
CREATE INDEX users_email ON users (environment_id, email_key, id);
DROP INDEX users_external_id;
CREATE INDEX users_external_id ON users (environment_id, external_id, id);
