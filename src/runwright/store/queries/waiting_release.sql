-- A run waits for other schedules no longer; if runs of its own that came before it are live, it waits for those, unless
-- they may overlap.
UPDATE run SET ready = CASE
  WHEN EXISTS (SELECT 1 FROM run e JOIN schedule s ON s.id = e.schedule AND s.overlap <> 'allow'
               WHERE e.schedule = run.schedule AND e.schedule IS NOT NULL AND e.completed_at IS NULL AND e.key < run.key)
  THEN 4 WHEN due_at <= $2 THEN 1 ELSE 0 END
WHERE id = $1 AND ready = 3
