-- Cancel, while a worker has the run in reserve: it counts as begun, and is told.
UPDATE run SET status = $3, cancel_requested = 1, attempt = attempt + 1, started_at = $4,
  unique_key = CASE WHEN until_start = 1 THEN NULL ELSE unique_key END,
  progress_current = NULL, progress_total = NULL, progress_message = NULL
WHERE key = $1 AND EXISTS (SELECT 1 FROM transition t WHERE t.event = $2 AND t.status = run.status AND t.next = $3);
