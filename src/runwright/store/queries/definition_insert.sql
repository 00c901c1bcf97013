-- A session tells of a task that it knows.
INSERT INTO definition (worker, task, source_hash, body)
--sqlite VALUES ($1, $2, $3, $4)
--postgres SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])
ON CONFLICT DO NOTHING
