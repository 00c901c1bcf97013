-- A run that is about to go on keeps what it tells of its last attempt.
INSERT INTO attempt (run, number, status, started_at, completed_at, worker)
SELECT r.key, r.attempt, r.status, r.started_at, r.completed_at, r.worker FROM run r
WHERE r.key = $1 AND
--include tells_attempt
