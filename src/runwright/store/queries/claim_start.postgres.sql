-- PostgreSQL's own: one statement for the whole batch.
-- Runs are claimed and begin at once: a new attempt.
UPDATE run AS r SET
--include begin_run
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS v (key, token, worker, started_at)
  CROSS JOIN transition t
WHERE r.key = v.key AND r.token IS NULL AND t.event = 'start' AND t.status = r.status
