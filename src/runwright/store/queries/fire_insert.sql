-- A row of the ledger, unless its due time has one of its own already.
INSERT INTO fire (schedule, due_at, outcome, reason, run, recorded_at, count, last_due_at)
--sqlite VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
--postgres SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
--postgres   $8::bigint[])
ON CONFLICT (schedule, due_at) WHERE last_due_at IS NULL DO NOTHING
RETURNING schedule, due_at, id
