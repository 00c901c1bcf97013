-- A claimed run begins to wait for others (1), would go on but may not yet (2), or goes on (0).
UPDATE run SET lent = $4
WHERE key = $1 AND token = $2
  AND EXISTS (SELECT 1 FROM transition t WHERE t.event = $3 AND t.status = run.status AND t.next = run.status)
