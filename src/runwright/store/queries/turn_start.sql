-- A reserved run begins its code: a new attempt.
UPDATE run SET status = $3, attempt = attempt + 1, started_at = $4,
  unique_key = CASE WHEN until_start = 1 THEN NULL ELSE unique_key END, progress_current = NULL, progress_total = NULL, progress_message = NULL
WHERE key = $1 AND token = $2
  AND EXISTS (SELECT 1 FROM transition t WHERE t.event = 'start' AND t.status = run.status AND t.next = $3);
