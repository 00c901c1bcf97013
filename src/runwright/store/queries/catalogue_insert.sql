-- A session knows a task.
INSERT INTO catalogue (worker, task)
--sqlite VALUES ($1, $2)
--postgres SELECT * FROM unnest($1::bigint[], $2::text[])
ON CONFLICT DO NOTHING
