-- All schedules go on.
DELETE FROM pause WHERE key = 1
