-- The columns of a schedule, as ``rows.schedule_of`` takes them.
SELECT
  id, name, task, rule, timezone, arguments, label, description, entity, as_user, enabled, priority, overlap,
  catch_up, misfire_grace_seconds, jitter_seconds, retry, depends_on, starts_at, ends_at, excluded, blackouts,
  origin, edited, deleted, updated_at, version, anchor_at, cursor_at, next_due_at, first_done, declared, created_by,
  created_at, run_count, error_count, last_run_at, last_status, last_error, outcome, outcome_at, skipped_at, restarts
FROM schedule
