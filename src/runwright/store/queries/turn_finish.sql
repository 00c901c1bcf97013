-- A claimed run ends its attempt: it goes on later, or it is over. A start that was not told before is folded in.
UPDATE run SET status = $4, unique_key = CASE WHEN until_start = 1 THEN NULL ELSE unique_key END,
  token = NULL, lent = 0, ready = $5, due_at = $6, started_at = $7, completed_at = $8, attempt = $9,
  failures = failures + $10, result = $11, error_kind = $12, error_message = $13, warnings = $14, pause_requested = 0,
  progress_current = coalesce($15, progress_current), progress_total = coalesce($16, progress_total),
  progress_message = coalesce($17, progress_message), cpu_seconds = coalesce($18 + coalesce(cpu_seconds, 0), cpu_seconds)
WHERE key = $1 AND token = $2
  AND EXISTS (SELECT 1 FROM transition t WHERE t.event = $3 AND t.next = $4 AND t.status = run.status);
