-- The first ready runs of one task and rank that became due before the barrier ($4, $5).
SELECT
--include claim_columns
--include claim_state
  r.rank
FROM run r
WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = $1 AND r.task = $2 AND r.rank = $3
  AND r.due_at <= $4 AND (r.due_at < $4 OR r.key < $5)
ORDER BY r.due_at, r.key
LIMIT $6
--postgres FOR UPDATE OF r SKIP LOCKED
