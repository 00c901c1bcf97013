-- Run a terminal run again: a new attempt with the same arguments, saved state and history.
UPDATE run SET status = $3, rank = priority, due_at = $4, ready = $5, completed_at = NULL, started_at = NULL, worker = NULL,
  failures = 0, crashes = 0, pause_requested = 0, cancel_requested = 0, result = NULL, error_kind = NULL,
  error_message = NULL, warnings = NULL, progress_current = NULL, progress_total = NULL, progress_message = NULL,
  cpu_seconds = NULL
WHERE key = $1 AND EXISTS (SELECT 1 FROM transition t WHERE t.event = $2 AND t.status = run.status AND t.next = $3);
