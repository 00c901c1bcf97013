-- Renew a lease that is still held; every renewal can be told from the one before.
UPDATE worker SET lease = $3, heartbeat_at = $2, beats = beats + 1 WHERE id = $1 AND state = 'live' RETURNING key
