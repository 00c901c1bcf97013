-- What a turn looks at before it reads the queue: when the next run of these lanes becomes due, whether an exclusive run
-- waits or is claimed, and the tasks of these lanes that have ready runs and that the session knows, with their rate limits
-- (a row and a seek for each task; one without a task if there is none).
--include ready_places
SELECT about.next_due, about.exclusive, known.lane, known.task, known.rate_count, known.rate_micros
FROM (
  SELECT
--include next_due
  , CASE WHEN EXISTS (SELECT 1 FROM run e WHERE e.exclusive = 1 AND e.completed_at IS NULL AND e.token IS NULL)
      OR EXISTS (SELECT 1 FROM run e WHERE e.exclusive = 1 AND e.completed_at IS NULL AND e.token IS NOT NULL)
    THEN 1 ELSE 0 END AS exclusive
) AS about
LEFT JOIN (
  SELECT place.lane, c.task, c.rate_count, c.rate_micros FROM place
--sqlite CROSS JOIN catalogue c ON c.worker = $2 AND c.task = place.task
--postgres JOIN catalogue c ON c.worker = $2 AND c.task = place.task
) AS known ON 1 = 1
