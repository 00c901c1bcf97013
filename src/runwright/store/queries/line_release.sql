-- The first run of each schedule that waits for those before it goes on, if none of them is live any more.
UPDATE run SET ready = CASE WHEN due_at <= $1 THEN 1 ELSE 0 END
WHERE key IN (
  SELECT w.key FROM run w
  WHERE w.ready = 4 AND w.key IN (SELECT min(f.key) FROM run f WHERE f.ready = 4 GROUP BY f.schedule)
    AND NOT EXISTS (SELECT 1 FROM run e WHERE e.schedule = w.schedule AND e.schedule IS NOT NULL
                      AND e.completed_at IS NULL AND e.key < w.key)
--postgres   ORDER BY w.key FOR UPDATE OF w SKIP LOCKED
)
