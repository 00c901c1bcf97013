-- Concurrency keys that runs wait for although a place is free and nobody is ready to take it. None, if all is well.
WITH RECURSIVE name (key) AS (
  SELECT min(concurrency_key) FROM run WHERE concurrency_key IS NOT NULL AND ready > 0
  UNION ALL
  SELECT (SELECT min(concurrency_key) FROM run
          WHERE concurrency_key IS NOT NULL AND ready > 0 AND concurrency_key > name.key)
  FROM name WHERE name.key IS NOT NULL
)
SELECT name.key FROM name
WHERE name.key IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM run r
                  WHERE r.concurrency_key = name.key AND r.concurrency_key IS NOT NULL AND r.ready > 0 AND r.ready = 1)
  AND ((SELECT count(*) FROM run h
        WHERE h.concurrency_key = name.key AND h.concurrency_key IS NOT NULL AND h.token IS NOT NULL) <
       (SELECT p.concurrency_limit FROM run p
        WHERE p.concurrency_key = name.key AND p.concurrency_key IS NOT NULL AND p.ready > 0 AND p.ready = 2
        ORDER BY p.rank DESC, p.due_at, p.key LIMIT 1)
    OR EXISTS (SELECT 1 FROM run h WHERE h.concurrency_key = name.key AND h.concurrency_key IS NOT NULL
                 AND h.token IS NOT NULL AND h.lent > 0)
   AND EXISTS (
     SELECT 1 FROM run r
     WHERE r.concurrency_key = name.key AND r.concurrency_key IS NOT NULL AND r.ready > 0 AND r.ready = 2
       AND coalesce(r.parent, '') <> '' AND r.concurrency_limit >
--include places_taken
   ))
