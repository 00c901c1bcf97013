-- The tasks that have terminal runs: one seek for each.
WITH RECURSIVE task (name) AS (
  SELECT min(task) FROM run WHERE completed_at IS NOT NULL
  UNION ALL
  SELECT (SELECT min(task) FROM run WHERE completed_at IS NOT NULL AND task > task.name)
  FROM task WHERE task.name IS NOT NULL
)
SELECT name FROM task WHERE name IS NOT NULL;
