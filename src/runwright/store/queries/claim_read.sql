-- The first ready runs of one task in a lane, in the order of the queue.
SELECT r.key, r.id, r.task, r.lane, r.arguments, r.attempt, r.failures, r.crashes, r.due_at, r.priority, r.exclusive,
  r.retry, r.as_user, r.entity, r.schedule, r.parent, (SELECT body FROM state s WHERE s.run = r.key),
  r.concurrency_key, r.concurrency_limit, r.status, r.rank
FROM run r
WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = $1 AND r.task = $2
ORDER BY r.rank DESC, r.due_at, r.key
LIMIT $3
--postgres FOR UPDATE OF r SKIP LOCKED
