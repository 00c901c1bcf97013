-- A page of the schedules by name, perhaps only one name, or those of one task.
SELECT
  id, name, task, rule, timezone, arguments, label, description, entity, as_user, enabled, priority, overlap,
  catch_up, misfire_grace_seconds, jitter_seconds, retry, depends_on, starts_at, ends_at, excluded, blackouts,
  origin, edited, deleted, updated_at, version, anchor_at, cursor_at, next_due_at, first_done, declared, created_by,
  created_at, run_count, error_count, last_run_at, last_status, last_error, outcome, outcome_at, skipped_at
FROM schedule
WHERE deleted = 0 AND name > $1 AND (CAST($2 AS TEXT) IS NULL OR name = $2) AND (CAST($3 AS TEXT) IS NULL OR task = $3)
ORDER BY name
LIMIT $4;
