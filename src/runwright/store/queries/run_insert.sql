-- A new run, pending.
INSERT INTO run (id, task, lane, priority, exclusive, due_at, ready, created_at, on_interrupt, parent, schedule, unique_key,
                 until_start, concurrency_key, concurrency_limit, retry, as_user, created_by, entity, tags, arguments,
                 status, rank)
--sqlite VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 'pending', $4)
--postgres SELECT v.*, 'pending', v.priority
--postgres FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::int[], $6::bigint[], $7::int[], $8::bigint[],
--postgres   $9::text[], $10::text[], $11::text[], $12::text[], $13::int[], $14::text[], $15::int[], $16::text[], $17::text[],
--postgres   $18::text[], $19::text[], $20::text[], $21::text[]) AS v (id, task, lane, priority)
