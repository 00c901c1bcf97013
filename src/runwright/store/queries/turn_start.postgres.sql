-- PostgreSQL's own: one statement for the whole batch.
-- Reserved runs begin their code: a new attempt.
UPDATE run SET status = v.status, attempt = attempt + 1, started_at = v.started_at,
  unique_key = CASE WHEN until_start = 1 THEN NULL ELSE unique_key END, progress_current = NULL,
  progress_total = NULL, progress_message = NULL
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) AS v (key, token, status, started_at)
  CROSS JOIN transition t
WHERE run.key = v.key AND run.token = v.token AND t.event = 'start' AND t.status = run.status AND t.next = v.status
