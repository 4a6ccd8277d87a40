-- Why an operation did not succeed, as a word: so that the failures of a run of any size are counted by their cause, and
-- read cause by cause, without reading the run.
ALTER TABLE run_operations ADD COLUMN problem TEXT;
CREATE INDEX run_operations_problem ON run_operations (run_id, problem, seq) WHERE problem IS NOT NULL;
