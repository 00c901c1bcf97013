-- A new schedule, unless its id or its name is taken.
INSERT INTO schedule (
  id, name, task, rule, timezone, arguments, label, description, entity, as_user, enabled, priority, overlap,
  catch_up, misfire_grace_seconds, jitter_seconds, retry, depends_on, starts_at, ends_at, excluded, blackouts,
  origin, edited, deleted, updated_at, version, anchor_at, cursor_at, next_due_at, first_done, created_by,
  created_at, run_count, error_count, last_run_at, last_status, last_error
) VALUES (
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
  $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38
)
ON CONFLICT DO NOTHING
RETURNING id
