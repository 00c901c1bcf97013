-- The attempts of a run, the running one included, oldest first.
SELECT number, status, started_at, completed_at, worker, error_kind, error_message, traceback FROM (
  SELECT a.number, a.status, a.started_at, a.completed_at, w.id AS worker, a.error_kind, a.error_message, a.traceback
  FROM run r JOIN attempt a ON a.run = r.key LEFT JOIN worker w ON w.key = a.worker
  WHERE r.id = $1
  UNION ALL
  SELECT r.attempt, CASE WHEN r.completed_at IS NULL THEN 'running' ELSE r.status END, r.started_at, r.completed_at, w.id,
    NULL, NULL, NULL
  FROM run r LEFT JOIN worker w ON w.key = r.worker
  WHERE r.id = $1 AND
--include tells_attempt
) AS tries
ORDER BY number;
