-- How many places at its concurrency key are left for a run whose code would go on: only those whose code goes on count.
SELECT r.concurrency_limit - (
  SELECT count(*) FROM run h
  WHERE h.concurrency_key = r.concurrency_key AND h.concurrency_key IS NOT NULL AND h.token IS NOT NULL AND h.lent = 0
    AND h.key <> r.key)
FROM run r WHERE r.key = $1
