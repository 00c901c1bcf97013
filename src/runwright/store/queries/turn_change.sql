-- A claimed run moves without ending its attempt.
UPDATE run SET status = $4
WHERE key = $1 AND token = $2
  AND EXISTS (SELECT 1 FROM transition t WHERE t.event = $3 AND t.status = run.status AND t.next = $4);
