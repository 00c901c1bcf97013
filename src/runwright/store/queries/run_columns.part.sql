SELECT r.key, r.id, r.task, r.status, r.lane, r.arguments, r.priority, r.exclusive, r.created_at, r.due_at, r.started_at,
  r.completed_at, r.attempt, r.failures, r.crashes, r.progress_current, r.progress_total, r.progress_message, r.result,
  r.error_kind, r.error_message,
  (SELECT a.traceback FROM attempt a WHERE a.run = r.key AND a.error_kind IS NOT NULL AND r.error_kind IS NOT NULL
   ORDER BY a.number DESC LIMIT 1),
  r.warnings, r.tags, r.entity, r.as_user, r.parent, r.schedule, w.id, r.pause_requested, r.cancel_requested,
  r.cpu_seconds
FROM run r LEFT JOIN worker w ON w.key = r.worker
