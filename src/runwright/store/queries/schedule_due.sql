-- The enabled schedules that are due, the earliest first.
--include schedule_columns
WHERE enabled = 1 AND deleted = 0 AND next_due_at IS NOT NULL AND next_due_at <= $1
ORDER BY next_due_at, id
LIMIT $2;
