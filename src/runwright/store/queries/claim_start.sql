-- A run is claimed and begins at once: a new attempt.
UPDATE run SET ready = 0, token = $2, worker = $3, attempt = attempt + 1, started_at = $4, pause_requested = 0,
  unique_key = CASE WHEN until_start = 1 THEN NULL ELSE unique_key END,
  progress_current = NULL, progress_total = NULL, progress_message = NULL,
  status = (SELECT t.next FROM transition t WHERE t.event = 'start' AND t.status = run.status)
WHERE key = $1 AND token IS NULL;
