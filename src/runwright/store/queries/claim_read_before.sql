-- The first ready runs of one task and rank that became due before the barrier ($4, $5).
SELECT r.key, r.id, r.task, r.lane, r.arguments, r.attempt, r.failures, r.crashes, r.due_at, r.priority, r.exclusive,
  r.retry, r.as_user, r.entity, r.schedule, r.parent, (SELECT body FROM state s WHERE s.run = r.key),
  r.concurrency_key, r.concurrency_limit, r.status, r.rank
FROM run r
WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = $1 AND r.task = $2 AND r.rank = $3
  AND r.due_at <= $4 AND (r.due_at < $4 OR r.key < $5)
ORDER BY r.due_at, r.key
LIMIT $6
--postgres FOR UPDATE OF r SKIP LOCKED
