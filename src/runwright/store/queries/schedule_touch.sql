-- What was planned for the enabled schedules is planned again.
UPDATE schedule SET version = version + 1 WHERE enabled = 1 AND deleted = 0
