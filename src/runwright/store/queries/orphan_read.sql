-- An orphan as it is now, and whether its session lost its lease.
SELECT r.status, r.id, r.task, r.schedule, r.attempt, r.started_at, r.due_at, r.worker, r.concurrency_key,
  CASE WHEN coalesce(w.state, 'lost') = 'lost' THEN 1 ELSE 0 END, r.crashes
FROM run r LEFT JOIN worker w ON w.key = r.worker
WHERE r.key = $1 AND r.token = $2 AND (w.key IS NULL OR w.state <> 'live')
--postgres FOR UPDATE OF r SKIP LOCKED
