-- The tasks of a lane that have ready runs and that the session knows: one seek for each task, known or not.
WITH RECURSIVE task (name) AS (
  SELECT min(task) FROM run WHERE ready = 1 AND exclusive = 0 AND lane = $1
  UNION ALL
  SELECT (SELECT min(task) FROM run WHERE ready = 1 AND exclusive = 0 AND lane = $1 AND task > task.name)
  FROM task WHERE task.name IS NOT NULL
)
SELECT name FROM task WHERE EXISTS (SELECT 1 FROM catalogue c WHERE c.worker = $2 AND c.task = task.name);
