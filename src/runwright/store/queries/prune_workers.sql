-- Sessions that ended long ago and hold nothing.
DELETE FROM worker
WHERE ended_at < $1 AND NOT EXISTS (SELECT 1 FROM run r
WHERE r.worker = worker.key AND r.token IS NOT NULL);
