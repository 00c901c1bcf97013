-- An attempt has ended.
INSERT INTO attempt (run, number, status, started_at, completed_at, worker, error_kind, error_message, traceback)
--sqlite VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
--postgres SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
--postgres   $8::text[], $9::text[])
ON CONFLICT (run, number) DO NOTHING
