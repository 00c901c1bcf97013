-- A session ends in good order.
UPDATE worker SET state = 'ended', ended_at = $2 WHERE key = $1 AND state = 'live';
