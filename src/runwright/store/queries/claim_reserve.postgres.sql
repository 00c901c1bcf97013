-- PostgreSQL's own: one statement for the whole batch.
-- Runs are claimed ahead of their start; they are still pending to everyone.
UPDATE run SET ready = 0, token = v.token, worker = v.worker
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS v (key, token, worker)
WHERE run.key = v.key AND run.token IS NULL
