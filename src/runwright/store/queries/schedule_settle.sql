-- A run of a schedule has ended: its statistics. A skipped one was no run.
UPDATE schedule
SET run_count = run_count + $2, error_count = error_count + $3, last_run_at = coalesce($4, last_run_at),
  last_status = $5, last_error = coalesce($6, last_error)
WHERE id = $1;
