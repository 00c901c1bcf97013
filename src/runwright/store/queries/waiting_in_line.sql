-- The run of its own schedule that a run waits for.
SELECT e.id FROM run r JOIN run e ON e.schedule = r.schedule AND e.schedule IS NOT NULL AND e.completed_at IS NULL
  AND e.key < r.key
WHERE r.id = $1 ORDER BY e.key DESC LIMIT 1
