-- Runs that wait for other schedules, the first of each schedule, with what is known of it: its last start that is settled
-- and those of its live runs, whether one of its runs is about to start, and whether an ending of it is to be settled yet.
-- (key + 0: else a planner walks through all runs in the order of their keys, to find the few that wait)
SELECT r.key, r.id, r.due_at, r.created_at, s.depends_on, s.last_run_at, s.skipped_at,
  (SELECT max(l.started_at) FROM run l WHERE l.schedule = r.schedule AND l.schedule IS NOT NULL AND l.completed_at IS NULL),
  CASE WHEN EXISTS (SELECT 1 FROM run l WHERE l.schedule = r.schedule AND l.schedule IS NOT NULL AND l.completed_at IS NULL
                      AND l.ready <> 3 AND l.started_at IS NULL)
         OR EXISTS (SELECT 1 FROM ended e WHERE e.schedule = r.schedule) THEN 1 ELSE 0 END
FROM run r LEFT JOIN schedule s ON s.id = r.schedule AND s.deleted = 0
WHERE r.ready = 3 AND r.key + 0 > $1
  AND NOT EXISTS (SELECT 1 FROM run f WHERE f.schedule = r.schedule AND f.ready = 3 AND f.key < r.key)
ORDER BY r.key + 0
LIMIT $2
