-- All schedules go on.
DELETE FROM pause WHERE only = 1
