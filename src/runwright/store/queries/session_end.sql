-- A session is over: it ended in good order, or it lost its lease.
UPDATE worker SET state = $2, ended_at = $3 WHERE key = $1 AND state = 'live' RETURNING key;
