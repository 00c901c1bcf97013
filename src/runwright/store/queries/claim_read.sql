-- The first ready runs of one task in a lane, in the order of the queue.
SELECT
--include claim_columns
--include claim_state
  r.rank
FROM run r
WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = $1 AND r.task = $2
ORDER BY r.rank DESC, r.due_at, r.key
LIMIT $3
--postgres FOR UPDATE OF r SKIP LOCKED
