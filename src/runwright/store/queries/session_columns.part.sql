-- The key of a session; whether an exclusive run waits, and whether people want something of the session's runs.
worker.key, (SELECT 1 FROM run r WHERE r.exclusive = 1 AND r.completed_at IS NULL AND r.token IS NULL LIMIT 1) AS barrier,
  (SELECT 1 FROM run w WHERE w.worker = worker.key AND w.token IS NOT NULL
     AND (w.pause_requested = 1 OR w.cancel_requested = 1) LIMIT 1) AS wishes
