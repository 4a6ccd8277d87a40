-- One row that readiness checks write to: whether a transaction can be committed is only known by committing one.
CREATE TABLE write_probe (
    id SMALLINT NOT NULL PRIMARY KEY,
    probes BIGINT NOT NULL
);

INSERT INTO write_probe (id, probes) VALUES (1, 0);
