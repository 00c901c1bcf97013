-- The ranks that the ready runs of one task have, highest first: one seek for each.
WITH RECURSIVE level (rank) AS (
  SELECT max(rank) FROM run WHERE ready = 1 AND exclusive = 0 AND lane = $1 AND task = $2
  UNION ALL
  SELECT (SELECT max(rank) FROM run
          WHERE ready = 1 AND exclusive = 0 AND lane = $1 AND task = $2 AND run.rank < level.rank)
  FROM level WHERE level.rank IS NOT NULL
)
SELECT rank FROM level WHERE rank IS NOT NULL LIMIT 100;
