-- PostgreSQL's own: one statement for the whole batch.
-- Reservations wait again, at their old place.
UPDATE run SET token = NULL, worker = NULL, ready = 1
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS v (key, token, worker)
WHERE run.key = v.key AND run.token = v.token AND run.worker = v.worker AND status IN ('pending', 'retrying')
RETURNING concurrency_key
