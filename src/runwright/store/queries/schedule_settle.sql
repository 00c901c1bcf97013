-- A run of a schedule has ended: its statistics, and what other schedules may wait for. A skipped one was no run, and
-- a success clears the last error.
UPDATE schedule
SET run_count = run_count + $2, error_count = error_count + $3, last_run_at = coalesce($4, last_run_at),
  last_status = $5, last_error = CASE WHEN $5 = 'completed' THEN NULL ELSE coalesce($6, last_error) END, outcome = $5, outcome_at = $7,
  skipped_at = CASE WHEN $2 = 0 THEN $7 ELSE skipped_at END
WHERE id = $1
