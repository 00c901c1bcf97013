-- Enabled schedules that nothing will make due again: none of their runs is live, no ending is to be settled, and the run
-- of their newest fire, which may be another's, has ended.
SELECT
  id, name, task, rule, timezone, arguments, label, description, entity, as_user, enabled, priority, overlap,
  catch_up, misfire_grace_seconds, jitter_seconds, retry, depends_on, starts_at, ends_at, excluded, blackouts,
  origin, edited, deleted, updated_at, version, anchor_at, cursor_at, next_due_at, first_done, declared, created_by,
  created_at, run_count, error_count, last_run_at, last_status, last_error, outcome, outcome_at, skipped_at
FROM schedule
WHERE enabled = 1 AND deleted = 0 AND next_due_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM run r
                  WHERE r.schedule = schedule.id AND r.schedule IS NOT NULL AND r.completed_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM ended e WHERE e.schedule = schedule.id)
  AND NOT EXISTS (SELECT 1 FROM fire f JOIN run j ON j.id = f.run
                  WHERE f.id = (SELECT max(n.id) FROM fire n WHERE n.schedule = schedule.id) AND j.completed_at IS NULL)
ORDER BY name
LIMIT $1
