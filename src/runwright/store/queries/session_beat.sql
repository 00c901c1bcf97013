-- Renew a lease that is still held.
UPDATE worker SET lease_until = $3, heartbeat_at = $2 WHERE id = $1 AND state = 'live' AND lease_until > $2 RETURNING key;
