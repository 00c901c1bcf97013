-- Runs of tasks with a rate limit are claimed to start.
INSERT INTO rate_start (task, at)
--sqlite VALUES ($1, $2)
--postgres SELECT * FROM unnest($1::text[], $2::bigint[])
