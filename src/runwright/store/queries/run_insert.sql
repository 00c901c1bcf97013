-- A new run, pending. An id that is there already is the same run, sent again.
INSERT INTO run (id, task, lane, priority, exclusive, due_at, ready, created_at, on_interrupt, parent, schedule, unique_key,
                 concurrency_key, concurrency_limit, retry, as_user, created_by, entity, tags, arguments, status)
--sqlite VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, 'pending')
--postgres SELECT v.*, 'pending'
--postgres FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::int[], $6::bigint[], $7::int[], $8::bigint[],
--postgres   $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::int[], $15::text[], $16::text[], $17::text[],
--postgres   $18::text[], $19::text[], $20::text[]) AS v
ON CONFLICT (id) DO NOTHING
