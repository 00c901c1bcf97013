-- Concurrency keys that runs wait for although a place is free and nobody is ready to take it. None, if all is well.
SELECT DISTINCT p.concurrency_key
FROM run p
WHERE p.ready = 2
  AND NOT EXISTS (SELECT 1 FROM run r WHERE r.concurrency_key = p.concurrency_key AND r.ready = 1)
  AND (SELECT count(*) FROM run h WHERE h.concurrency_key = p.concurrency_key AND h.concurrency_key IS NOT NULL
       AND h.token IS NOT NULL) < p.concurrency_limit;
