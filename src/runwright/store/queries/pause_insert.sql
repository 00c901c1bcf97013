-- All schedules are paused.
INSERT INTO pause (key, reason, actor, since) VALUES (1, $1, $2, $3)
ON CONFLICT (key) DO UPDATE SET reason = excluded.reason, actor = excluded.actor, since = excluded.since
