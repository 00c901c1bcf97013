-- PostgreSQL's own: one statement for the whole batch.
-- Reservations wait again, at their old place.
UPDATE run SET token = NULL, worker = NULL, ready = 1
FROM unnest($1::bigint[], $2::bigint[]) AS v (key, token)
WHERE run.key = v.key AND run.token = v.token AND (status = 'pending' OR status = 'retrying')
