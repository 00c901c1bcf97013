WITH RECURSIVE place (lane, task) AS (
  SELECT wanted.value, (SELECT min(r.task) FROM run r WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = wanted.value)
--sqlite  FROM json_each($1) AS wanted
--postgres  FROM unnest($1::text[]) AS wanted (value)
  UNION ALL
  SELECT place.lane, (SELECT min(r.task) FROM run r
                      WHERE r.ready = 1 AND r.exclusive = 0 AND r.lane = place.lane AND r.task > place.task)
  FROM place WHERE place.task IS NOT NULL
)
