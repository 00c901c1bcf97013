-- All that a session holds, as it was claimed.
SELECT r.key, r.id, r.task, r.lane, r.arguments, r.attempt, r.failures, r.crashes, r.due_at, r.priority, r.exclusive,
  r.retry, r.as_user, r.entity, r.schedule, r.parent, (SELECT body FROM state s WHERE s.run = r.key),
  r.concurrency_key, r.concurrency_limit, r.status, r.token
FROM run r JOIN worker w ON w.key = r.worker
WHERE w.id = $1 AND r.token IS NOT NULL
ORDER BY r.key;
