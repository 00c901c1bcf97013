-- Runs by status. Live ones are counted through the small indexes of what waits and what is claimed.
SELECT status, count(*) FROM run WHERE completed_at IS NOT NULL GROUP BY status
UNION ALL SELECT status, count(*) FROM run WHERE token IS NOT NULL GROUP BY status
UNION ALL SELECT status, count(*) FROM run WHERE ready = 1 AND exclusive = 0 GROUP BY status
UNION ALL SELECT status, count(*) FROM run
WHERE exclusive = 1 AND token IS NULL AND completed_at IS NULL GROUP BY status
UNION ALL SELECT status, count(*) FROM run WHERE concurrency_key IS NOT NULL AND ready > 0 AND ready = 2 GROUP BY status
UNION ALL SELECT status, count(*) FROM run WHERE ready = 3 AND exclusive = 0 GROUP BY status
UNION ALL SELECT status, count(*) FROM run WHERE ready = 4 AND exclusive = 0 GROUP BY status
UNION ALL SELECT status, count(*) FROM run
WHERE ready = 0 AND exclusive = 0 AND token IS NULL AND completed_at IS NULL GROUP BY status;
