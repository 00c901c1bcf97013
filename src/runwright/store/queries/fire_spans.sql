-- The collapsed spans of a schedule that reach into a range, of its present times, which begin with its anchor.
SELECT id, due_at, last_due_at, outcome, reason FROM fire
WHERE schedule = $1 AND last_due_at IS NOT NULL AND last_due_at >= $2 AND due_at <= $3
  AND due_at >= (SELECT anchor_at FROM schedule WHERE schedule.id = $1)
ORDER BY id
