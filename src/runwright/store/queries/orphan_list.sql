-- Started runs whose session is over.
SELECT r.key, r.id, r.task, r.token, r.status, r.attempt, r.crashes, r.on_interrupt, r.started_at, w.id
FROM run r LEFT JOIN worker w ON w.key = r.worker
WHERE r.key IN (SELECT h.key FROM run h WHERE h.token IS NOT NULL)
  AND r.status NOT IN ('pending', 'retrying') AND (w.key IS NULL OR w.state <> 'live')
ORDER BY r.key
LIMIT $1;
