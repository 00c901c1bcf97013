-- What was planned for the schedules is planned again. PostgreSQL must be told to lock them in the one order of all.
UPDATE schedule SET version = version + 1
--sqlite WHERE enabled = 1 AND deleted = 0 AND next_due_at IS NOT NULL
--postgres WHERE id IN (SELECT id FROM schedule WHERE enabled = 1 AND deleted = 0 AND next_due_at IS NOT NULL
--postgres   ORDER BY id FOR UPDATE)
