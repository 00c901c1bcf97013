-- Enabled schedules that nothing will make due again: none of their runs is live, no ending is to be settled, and the run
-- of their newest fire, which may be another's, has ended.
--include schedule_columns
WHERE enabled = 1 AND deleted = 0 AND next_due_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM run r
                  WHERE r.schedule = schedule.id AND r.schedule IS NOT NULL AND r.completed_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM ended e WHERE e.schedule = schedule.id)
  AND NOT EXISTS (SELECT 1 FROM fire f JOIN run j ON j.id = f.run
                  WHERE f.id = (SELECT max(n.id) FROM fire n WHERE n.schedule = schedule.id) AND j.completed_at IS NULL)
ORDER BY name
LIMIT $1
