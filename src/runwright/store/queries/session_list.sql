-- The live sessions, and those that ended after a time, with the runs that they hold.
SELECT w.id, w.host, w.pid, w.started_at, w.heartbeat_at, w.heartbeat_at + w.lease, w.state, w.lanes,
--sqlite  (SELECT json_group_array(c.task) FROM catalogue c WHERE c.worker = w.key),
--postgres  (SELECT coalesce(json_agg(c.task), '[]')::text FROM catalogue c WHERE c.worker = w.key),
  w.works, w.fires,
  (SELECT count(*) FROM run r WHERE r.worker = w.key AND r.token IS NOT NULL AND r.status NOT IN ('pending', 'retrying'))
FROM worker w
WHERE w.state = 'live' OR w.ended_at > $1
ORDER BY w.started_at, w.key;
