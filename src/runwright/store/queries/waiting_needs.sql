-- What is known of the schedules that others wait for: whether they have a live run, and an ending that is not settled.
SELECT s.name, s.enabled, s.next_due_at, s.outcome, s.outcome_at,
  CASE WHEN EXISTS (SELECT 1 FROM run r WHERE r.schedule = s.id AND r.schedule IS NOT NULL AND r.completed_at IS NULL)
    THEN 1 ELSE 0 END,
  CASE WHEN EXISTS (SELECT 1 FROM ended e WHERE e.schedule = s.id) THEN 1 ELSE 0 END
FROM schedule s
WHERE s.deleted = 0 AND s.name
--sqlite  IN (SELECT value FROM json_each($1))
--postgres  = ANY($1::text[])
