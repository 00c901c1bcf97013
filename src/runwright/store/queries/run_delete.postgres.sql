-- PostgreSQL's own: there are no foreign keys that would do the rest.
-- Delete a terminal run; attempts, log and state go with it.
WITH gone AS (DELETE FROM run WHERE key = $1 AND completed_at IS NOT NULL RETURNING key),
attempts AS (DELETE FROM attempt WHERE run IN (SELECT key FROM gone)),
logs AS (DELETE FROM log WHERE run IN (SELECT key FROM gone)),
states AS (DELETE FROM state WHERE run IN (SELECT key FROM gone))
SELECT key FROM gone
