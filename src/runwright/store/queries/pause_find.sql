-- Why all schedules are paused, if they are.
SELECT reason, actor, since FROM pause WHERE key = 1
