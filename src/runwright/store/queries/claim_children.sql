-- The ready children of claimed runs, or ($4) those of them that are part of one run: they pass the barrier, and so do those
-- that are parked for a key with a free place, which a run behind the barrier was made ready to take. SQLite must be told
-- the index, and PostgreSQL to lock.
SELECT
--include claim_columns
--include claim_state
  r.rank
--sqlite FROM run p CROSS JOIN run r INDEXED BY run_child_ready ON r.parent = p.id
--postgres FROM run p JOIN run r ON r.parent = p.id
WHERE p.token IS NOT NULL
  AND r.parent IS NOT NULL AND r.ready > 0 AND r.exclusive = 0 AND r.lane = $1
  AND (r.ready = 1 OR r.ready = 2 AND r.concurrency_limit >
--include places_taken
  )
  AND (CAST($4 AS TEXT) IS NULL OR CAST($4 AS TEXT) IN (
--include above
    SELECT id FROM above))
--sqlite AND r.task IN (SELECT value FROM json_each($2))
--postgres AND r.task = ANY($2::text[])
ORDER BY r.rank DESC, r.due_at, r.key
LIMIT $3
--postgres FOR UPDATE OF r SKIP LOCKED
