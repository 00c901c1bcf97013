-- The latest runs of a task that have ended.
SELECT status, started_at, completed_at FROM run
WHERE completed_at IS NOT NULL AND task = $1
ORDER BY completed_at DESC LIMIT 20;
