-- A place at a concurrency key has become free: the best of those that wait for it is ready again, and, if runs that hold the
-- key only wait, the best of those that are part of one and have a place for that.
UPDATE run SET ready = 1
WHERE key IN (
  SELECT key FROM (
    SELECT r.key, r.concurrency_limit FROM run r
    WHERE r.concurrency_key = $1 AND r.concurrency_key IS NOT NULL AND r.ready > 0 AND r.ready = 2
    ORDER BY r.rank DESC, r.due_at, r.key LIMIT 1
--postgres FOR UPDATE SKIP LOCKED
  ) AS best
  WHERE concurrency_limit > (SELECT count(*) FROM run h
                             WHERE h.concurrency_key = $1 AND h.concurrency_key IS NOT NULL AND h.token IS NOT NULL)
  UNION ALL
  SELECT key FROM (
    SELECT r.key FROM run r
    WHERE EXISTS (SELECT 1 FROM run h WHERE h.concurrency_key = $1 AND h.concurrency_key IS NOT NULL
                    AND h.token IS NOT NULL AND h.lent > 0)
      AND r.concurrency_key = $1 AND r.concurrency_key IS NOT NULL AND r.ready > 0 AND r.ready = 2
      AND coalesce(r.parent, '') <> '' AND r.concurrency_limit >
--include places_taken
    ORDER BY r.rank DESC, r.due_at, r.key LIMIT 1
--postgres FOR UPDATE OF r SKIP LOCKED
  ) AS kin
)
