-- Started runs whose session is over, and whether it lost its lease.
SELECT r.key, r.id, r.task, r.token, r.status, r.attempt, r.crashes, r.on_interrupt, r.started_at, w.id,
  CASE WHEN coalesce(w.state, 'lost') = 'lost' THEN 1 ELSE 0 END
FROM run r LEFT JOIN worker w ON w.key = r.worker
WHERE r.key IN (SELECT h.key FROM run h WHERE h.token IS NOT NULL)
  AND r.status NOT IN ('pending', 'retrying') AND (w.key IS NULL OR w.state <> 'live')
ORDER BY r.key
LIMIT $1;
