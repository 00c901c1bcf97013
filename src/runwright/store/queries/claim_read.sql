-- The first ready runs of one task in a lane, in the order of the queue; none if there is an exclusive run, of which this
-- turn does not know ($4 = 0).
SELECT
--include claim_columns
  r.rank
FROM run r
WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = $1 AND r.task = $2
  AND ($4 = 1 OR NOT
--include exclusive_is_there
  )
ORDER BY r.rank DESC, r.due_at, r.key
LIMIT $3
--postgres FOR UPDATE OF r SKIP LOCKED
