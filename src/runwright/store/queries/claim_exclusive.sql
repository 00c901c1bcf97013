-- The exclusive run that is claimed (of several, each is part of those before it: the last), and those that wait and are
-- due, by arrival; while one is claimed, only what is part of it. One that no live session knows holds up nobody. What was
-- ready once stays so, also when the wall clock is set back.
SELECT key, id, task, lane, arguments, attempt, failures, crashes, due_at, priority, exclusive, retry, as_user, entity,
  schedule, parent, concurrency_key, concurrency_limit, status, NULL, 0 AS known, 0 AS child, 1 AS held
FROM (SELECT * FROM run WHERE exclusive = 1 AND completed_at IS NULL AND token IS NOT NULL
      ORDER BY key DESC LIMIT 1) AS claimed
UNION ALL
SELECT * FROM (
  SELECT
--include claim_columns
--include claim_state
    CASE WHEN EXISTS (SELECT 1 FROM catalogue c WHERE c.worker = $2 AND c.task = r.task) THEN 1 ELSE 0 END AS known,
    CASE WHEN EXISTS (SELECT 1 FROM run p WHERE p.id = r.parent AND p.token IS NOT NULL) THEN 1 ELSE 0 END AS child,
    0 AS held
  FROM run r
  WHERE r.exclusive = 1 AND r.completed_at IS NULL AND r.token IS NULL AND (r.due_at <= $1 OR r.ready = 1)
    AND r.ready < 3
    AND (NOT EXISTS (SELECT 1 FROM run WHERE exclusive = 1 AND completed_at IS NULL AND token IS NOT NULL)
      OR (SELECT id FROM run WHERE exclusive = 1 AND completed_at IS NULL AND token IS NOT NULL ORDER BY key DESC LIMIT 1) IN (
--include above
        SELECT id FROM above))
    AND EXISTS (SELECT 1 FROM catalogue c JOIN worker w ON w.key = c.worker
                WHERE c.task = r.task AND w.state = 'live')
  ORDER BY r.due_at, r.key
  LIMIT 20
) AS waiting
