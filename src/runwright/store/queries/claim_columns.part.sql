-- What a claim tells of its run r; one more column follows.
r.key, r.id, r.task, r.lane, r.arguments, r.attempt, r.failures, r.crashes, r.due_at, r.priority, r.exclusive,
  r.retry, r.as_user, r.entity, r.schedule, r.parent, (SELECT body FROM state s WHERE s.run = r.key),
  r.concurrency_key, r.concurrency_limit, r.status,
