-- Renew a lease that is still held.
UPDATE worker SET lease = $4, lease_until = $3 + $4, heartbeat_at = $2
WHERE id = $1 AND state = 'live' AND lease_until > $3
RETURNING key;
