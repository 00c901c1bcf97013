-- PostgreSQL's own: one statement for the whole batch.
-- Runs are claimed and begin at once: a new attempt.
UPDATE run SET ready = 0, token = v.token, worker = v.worker, attempt = attempt + 1, started_at = v.started_at,
  pause_requested = 0, unique_key = CASE WHEN until_start = 1 THEN NULL ELSE unique_key END,
  progress_current = NULL, progress_total = NULL, progress_message = NULL, status = t.next
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS v (key, token, worker, started_at)
  CROSS JOIN transition t
WHERE run.key = v.key AND run.token IS NULL AND t.event = 'start' AND t.status = run.status
