-- A run that was cancelled in reserve had not begun: it is over, and what counted as its attempt was none.
UPDATE run SET status = $4, token = NULL, completed_at = $5, attempt = attempt - 1,
  started_at = (SELECT a.started_at FROM attempt a WHERE a.run = run.key AND a.number = run.attempt - 1)
WHERE key = $1 AND token = $2
  AND EXISTS (SELECT 1 FROM transition t WHERE t.event = $3 AND t.status = run.status AND t.next = $4)
RETURNING started_at;
