-- PostgreSQL's own: there are no foreign keys that would do the rest.
-- The oldest terminal runs of a task, and what hangs on them.
WITH gone AS (
  DELETE FROM run WHERE key IN (SELECT key FROM run WHERE completed_at IS NOT NULL AND task = $1 AND completed_at < $2
                                ORDER BY completed_at LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING key),
attempts AS (DELETE FROM attempt WHERE run IN (SELECT key FROM gone)),
logs AS (DELETE FROM log WHERE run IN (SELECT key FROM gone)),
states AS (DELETE FROM state WHERE run IN (SELECT key FROM gone))
SELECT key FROM gone
