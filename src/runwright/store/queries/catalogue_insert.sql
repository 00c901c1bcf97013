-- A session knows a task, and how many of its runs may start in which time.
INSERT INTO catalogue (worker, task, rate_count, rate_micros)
--sqlite VALUES ($1, $2, $3, $4)
--postgres SELECT * FROM unnest($1::bigint[], $2::text[], $3::int[], $4::bigint[])
ON CONFLICT DO NOTHING
