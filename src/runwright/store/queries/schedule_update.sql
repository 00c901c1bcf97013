-- Replace what people and code say of a schedule, unless somebody else was quicker. Its statistics stay.
UPDATE schedule SET
  name = $2, task = $3, rule = $4, timezone = $5, arguments = $6, label = $7, description = $8, entity = $9,
  as_user = $10, enabled = $11, priority = $12, overlap = $13, catch_up = $14, misfire_grace_seconds = $15,
  jitter_seconds = $16, retry = $17, depends_on = $18, starts_at = $19, ends_at = $20, excluded = $21,
  blackouts = $22, origin = $23, edited = $24, deleted = $25, updated_at = $26, anchor_at = $28,
  cursor_at = $29, next_due_at = $30, first_done = $31, declared = $32,
  version = version + 1
WHERE id = $1 AND version = $27;
