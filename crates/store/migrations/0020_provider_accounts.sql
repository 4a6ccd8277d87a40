-- The account at an OpenID provider that signs an administrator in, and the one that vouched for a session.

ALTER TABLE administrators ADD COLUMN provider_issuer TEXT;
ALTER TABLE administrators ADD COLUMN provider_subject TEXT;
CREATE UNIQUE INDEX administrators_provider ON administrators (provider_issuer, provider_subject);

ALTER TABLE sessions ADD COLUMN provider_issuer TEXT;
ALTER TABLE sessions ADD COLUMN provider_subject TEXT;
