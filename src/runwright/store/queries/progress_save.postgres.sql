-- PostgreSQL's own: one statement for the whole batch.
-- The latest progress of claimed runs.
UPDATE run SET progress_current = v.current, progress_total = v.total, progress_message = v.message
FROM unnest($1::bigint[], $2::bigint[], $3::float8[], $4::float8[], $5::text[]) AS v (key, token, current, total, message)
WHERE run.key = v.key AND run.token = v.token
