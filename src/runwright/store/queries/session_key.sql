-- The key of a session that is not fenced off, and whether an exclusive run waits. The session cannot be given up for lost
-- before this transaction has ended.
SELECT key, (SELECT 1 FROM run r WHERE r.exclusive = 1 AND r.completed_at IS NULL AND r.token IS NULL LIMIT 1)
FROM worker WHERE id = $1 AND state = 'live'
--postgres FOR KEY SHARE
