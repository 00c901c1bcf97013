-- The rate limit of a task, as a live session knows it.
SELECT c.rate_count, c.rate_micros FROM catalogue c JOIN worker w ON w.key = c.worker
WHERE c.task = $1 AND c.rate_count IS NOT NULL AND w.state = 'live' ORDER BY w.key DESC LIMIT 1
