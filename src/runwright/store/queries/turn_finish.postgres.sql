-- PostgreSQL's own: one statement for the whole batch.
-- Claimed runs end their attempts: they go on later, or are over. A start that was not told before is folded in.
UPDATE run SET status = v.status, unique_key = CASE WHEN until_start = 1 THEN NULL ELSE unique_key END,
  token = NULL, lent = 0, ready = v.ready, due_at = v.due_at, started_at = v.started_at,
  completed_at = v.completed_at, attempt = v.attempt, failures = failures + v.failed, result = v.result,
  error_kind = v.error_kind, error_message = v.error_message, warnings = v.warnings, pause_requested = 0,
  progress_current = coalesce(v.progress_current, run.progress_current),
  progress_total = coalesce(v.progress_total, run.progress_total),
  progress_message = coalesce(v.progress_message, run.progress_message),
  cpu_seconds = coalesce(v.cpu_seconds + coalesce(run.cpu_seconds, 0), run.cpu_seconds)
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::int[], $10::int[], $11::text[], $12::text[], $13::text[], $14::text[], $15::float8[], $16::float8[], $17::text[],
    $18::float8[])
  AS v (key, token, event, status, ready, due_at, started_at, completed_at, attempt, failed, result, error_kind,
    error_message, warnings, progress_current, progress_total, progress_message, cpu_seconds)
  CROSS JOIN transition t
WHERE run.key = v.key AND run.token = v.token AND t.event = v.event AND t.next = v.status AND t.status = run.status
