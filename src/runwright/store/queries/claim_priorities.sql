-- The priorities that the ready runs of one task have, highest first: one seek for each.
WITH RECURSIVE level (priority) AS (
  SELECT max(priority) FROM run WHERE ready = 1 AND exclusive = 0 AND lane = $1 AND task = $2
  UNION ALL
  SELECT (SELECT max(priority) FROM run
          WHERE ready = 1 AND exclusive = 0 AND lane = $1 AND task = $2 AND run.priority < level.priority)
  FROM level WHERE level.priority IS NOT NULL
)
SELECT priority FROM level WHERE priority IS NOT NULL LIMIT 100;
