-- The exclusive run at whose barrier others wait.
SELECT r.id, r.task, r.due_at, r.key FROM run r
WHERE r.exclusive = 1 AND r.token IS NULL AND r.completed_at IS NULL AND (r.due_at <= $1 OR r.ready = 1)
    AND r.ready < 3
  AND EXISTS (SELECT 1 FROM catalogue c JOIN worker w ON w.key = c.worker
              WHERE c.task = r.task AND w.state = 'live')
ORDER BY r.due_at, r.key
LIMIT 1;
