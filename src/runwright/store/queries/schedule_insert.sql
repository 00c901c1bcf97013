-- A new schedule, unless its id or its name is taken.
INSERT INTO schedule (
  id, name, task, rule, timezone, arguments, label, description, entity, as_user, enabled, priority, overlap,
  catch_up, misfire_grace_seconds, jitter_seconds, retry, depends_on, starts_at, ends_at, excluded, blackouts,
  origin, edited, deleted, updated_at, version, anchor_at, cursor_at, next_due_at, first_done, declared, created_by,
  created_at, run_count, error_count, last_run_at, last_status, last_error
)
--sqlite VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
--sqlite   $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39)
--postgres SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
--postgres   $9::text[], $10::text[], $11::int[], $12::bigint[], $13::text[], $14::text[], $15::float8[],
--postgres   $16::float8[], $17::text[], $18::text[], $19::bigint[], $20::bigint[], $21::text[], $22::text[],
--postgres   $23::text[], $24::int[], $25::int[], $26::bigint[], $27::bigint[], $28::bigint[], $29::bigint[],
--postgres   $30::bigint[], $31::int[], $32::text[], $33::text[], $34::bigint[], $35::bigint[], $36::bigint[],
--postgres   $37::bigint[], $38::text[], $39::text[])
ON CONFLICT DO NOTHING
