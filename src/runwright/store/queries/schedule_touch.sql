-- What was planned for the schedules is planned again.
UPDATE schedule SET version = version + 1 WHERE enabled = 1 AND deleted = 0 AND next_due_at IS NOT NULL
