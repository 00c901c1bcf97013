-- A session has lost its lease, or its process is known to be gone ($4).
UPDATE worker SET state = 'lost', ended_at = $2
WHERE key = $1 AND state = 'live' AND (lease_until <= $3 OR lease_until > $3 + lease OR $4 = 1)
RETURNING id;
