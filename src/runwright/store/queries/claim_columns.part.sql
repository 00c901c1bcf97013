-- What a claim tells of its run r; what it saved of itself (claim_state) and one more column follow.
r.key, r.id, r.task, r.lane, r.arguments, r.attempt, r.failures, r.crashes, r.due_at, r.priority, r.exclusive,
  r.retry, r.as_user, r.entity, r.schedule, r.parent, r.concurrency_key, r.concurrency_limit, r.status,
