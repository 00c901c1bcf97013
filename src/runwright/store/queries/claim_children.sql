-- The ready children of claimed runs: they pass the barrier. SQLite must be told the index, and PostgreSQL to lock.
SELECT r.key, r.id, r.task, r.lane, r.arguments, r.attempt, r.failures, r.crashes, r.due_at, r.priority, r.exclusive,
  r.retry, r.as_user, r.entity, r.schedule, r.parent, (SELECT body FROM state s WHERE s.run = r.key),
  r.concurrency_key, r.concurrency_limit, r.status, r.rank
--sqlite FROM run p CROSS JOIN run r INDEXED BY run_child_ready ON r.parent = p.id
--postgres FROM run p JOIN run r ON r.parent = p.id
WHERE p.token IS NOT NULL
  AND r.parent IS NOT NULL AND r.ready = 1 AND r.exclusive = 0 AND r.lane = $1
  AND r.task IN (SELECT c.task FROM catalogue c WHERE c.worker = $2)
ORDER BY r.rank DESC, r.due_at, r.key
LIMIT $3
--postgres FOR UPDATE OF r SKIP LOCKED
