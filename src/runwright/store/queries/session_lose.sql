-- A session has lost its lease, or its process is known to be gone.
UPDATE worker SET state = 'lost', ended_at = $2 WHERE key = $1
