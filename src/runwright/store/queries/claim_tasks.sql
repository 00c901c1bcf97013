-- The tasks of these lanes that have ready runs and that the session knows, with their rate limits: one seek for each
-- task, known or not.
WITH RECURSIVE place (lane, task) AS (
  SELECT wanted.value, (SELECT min(r.task) FROM run r WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = wanted.value)
--sqlite  FROM json_each($1) AS wanted
--postgres  FROM unnest($1::text[]) AS wanted (value)
  UNION ALL
  SELECT place.lane, (SELECT min(r.task) FROM run r
                      WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = place.lane AND r.task > place.task)
  FROM place WHERE place.task IS NOT NULL
)
SELECT place.lane, c.task, c.rate_count, c.rate_micros FROM place
--sqlite CROSS JOIN catalogue c ON c.worker = $2 AND c.task = place.task
--postgres JOIN catalogue c ON c.worker = $2 AND c.task = place.task
