-- The exclusive runs that wait and are due, by arrival. One that no live session knows holds up nobody. What was ready
-- once stays so, also when the wall clock is set back.
SELECT r.key, r.id, r.task, r.lane, r.arguments, r.attempt, r.failures, r.crashes, r.due_at, r.priority, r.exclusive,
  r.retry, r.as_user, r.entity, r.schedule, r.parent, (SELECT body FROM state s WHERE s.run = r.key),
  r.concurrency_key, r.concurrency_limit, r.status, EXISTS (SELECT 1 FROM catalogue c WHERE c.worker = $2 AND c.task = r.task) AS known,
  EXISTS (SELECT 1 FROM run p WHERE p.id = r.parent AND p.token IS NOT NULL) AS child
FROM run r
WHERE r.exclusive = 1 AND r.token IS NULL AND r.completed_at IS NULL AND (r.due_at <= $1 OR r.ready = 1)
  AND EXISTS (SELECT 1 FROM catalogue c JOIN worker w ON w.key = c.worker
              WHERE c.task = r.task AND w.state = 'live')
ORDER BY r.due_at, r.key
LIMIT 20;
