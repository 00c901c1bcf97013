-- A run of a schedule has ended; its consequences are still to be recorded.
INSERT INTO ended (run, schedule, status, started_at, completed_at, error)
--sqlite VALUES ($1, $2, $3, $4, $5, $6)
--postgres SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
