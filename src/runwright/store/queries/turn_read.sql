-- The claimed runs that a turn tells of, as they are now.
SELECT key, token, worker, status, id, task, schedule, attempt, exclusive, cancel_requested, pause_requested, lane, due_at,
  concurrency_key
FROM run WHERE key
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::bigint[]) ORDER BY key FOR UPDATE
